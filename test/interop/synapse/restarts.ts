import { describe, expect, it } from 'vitest';
import type { World } from './world.ts';
import { SOON } from './world.ts';

/** The bridge goes away and comes back, while Synapse goes on. */
export function restarts(world: () => World): void {
  describe.each(['SIGTERM', 'SIGKILL'] as const)('a bridge that ended by %s', (signal) => {
    it('learns what was said at Synapse meanwhile, and leaves its stand-ins as they are', async () => {
      const { pat, onMatrix } = world();
      // Of whom nothing is known but what Synapse says.
      const regular = await world().matrixUser(`regular-${signal.toLowerCase()}`);
      const newcomer = await world().matrixUser(`newcomer-${signal.toLowerCase()}`);
      await world().putOnPlexichat(pat, { status: 'online', custom_status: `before ${signal}` });
      await world().putOnMatrix(regular, { presence: 'online', status_msg: `before ${signal}` });
      await expect.poll(() => onMatrix.latest(pat.standIn)?.status_msg, SOON).toBe(`before ${signal}`);
      await expect
        .poll(() => world().readOnPlexichat(regular), SOON)
        .toMatchObject({ status: 'online', custom_status: `before ${signal}` });
      const come = onMatrix.from(pat.standIn);

      expect(await world().bridge.end(signal)).toBe(signal === 'SIGTERM' ? 0 : null);
      await world().putOnMatrix(regular, { presence: 'unavailable', status_msg: `during ${signal}` });
      await world().putOnMatrix(newcomer, { presence: 'online', status_msg: `new at ${signal}` });
      await world().startBridge();

      await expect
        .poll(() => world().readOnPlexichat(regular), SOON)
        .toMatchObject({ status: 'idle', custom_status: `during ${signal}` });
      await expect
        .poll(() => world().readOnPlexichat(newcomer), SOON)
        .toMatchObject({ status: 'online', custom_status: `new at ${signal}` });
      await world().putOnPlexichat(pat, { status: 'online', custom_status: `after ${signal}` });
      await expect.poll(() => onMatrix.latest(pat.standIn)?.status_msg, SOON).toBe(`after ${signal}`);
      expect(come().filter(({ presence }) => presence !== 'online')).toEqual([]);
    });
  });
}
