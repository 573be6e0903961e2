import { expect, it } from 'vitest';
import type { World } from './world.ts';
import { SOON } from './world.ts';

/** The bridge goes away and comes back, while the server goes on; whether it `holdsToken` of the one it looks at. */
export function restart(
  world: () => World,
  signal: 'SIGTERM' | 'SIGKILL',
  { holdsToken = false } = {},
): void {
  it(`learns after ${signal} what was said meanwhile, and moves nobody`, async () => {
    const { server, a, b } = world();
    await server.write(b, { status: 'online', custom_status: `before ${signal}` });
    await expect
      .poll(() => world().onMatrix(), SOON)
      .toMatchObject({ presence: 'online', status_msg: `before ${signal}` });
    await world().endBridge(signal);
    const { last_seen } = await server.write(b, { status: 'dnd' });
    await world().startBridge();
    await expect.poll(() => world().onMatrix(), SOON).toMatchObject({ presence: 'unavailable' });
    // Of whoever gave a token it is looked at once what is to be written.
    if (holdsToken) await expect.poll(() => world().pushes('unchanged'), SOON).toBeGreaterThan(0);
    expect(await server.read(b.id, a)).toMatchObject({ status: 'dnd', last_seen });
  });
}
