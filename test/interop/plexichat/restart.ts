import { expect, it } from 'vitest';
import type { World } from './world.ts';
import { SOON } from './world.ts';

/** The bridge goes away and comes back, while the server goes on. */
export function restart(world: () => World, signal: 'SIGTERM' | 'SIGKILL'): void {
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
    // What it had to write, if anything, it has written.
    await expect.poll(async () => (await world().health()).backlog, SOON).toBe(0);
    expect(await server.read(b.id, a)).toMatchObject({ status: 'dnd', last_seen });
  });
}
