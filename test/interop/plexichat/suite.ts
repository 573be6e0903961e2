import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { linked } from './linked.ts';
import { restart } from './restart.ts';
import type { Target } from './target.ts';
import { SOON, World } from './world.ts';

/** Lists of the server are a minute old, and the suite keeps to its limits. */
const TIMEOUT = 150_000;

/**
 * What a bridge does beside any Plexichat server, as far as two of its accounts can tell. The parts build on each other in
 * this order, and at the end everybody is as before. `more` is what can be tried on this server alone.
 */
export function besideServer(
  target: () => Promise<Target>,
  more: (world: () => World) => void = () => undefined,
): void {
  let shared: World | undefined;
  const world = (): World => {
    if (!shared) throw new Error('nothing was started');
    return shared;
  };

  describe('a bridge beside a Plexichat server', { timeout: TIMEOUT }, () => {
    beforeAll(async () => {
      shared = await World.start(await target());
    }, TIMEOUT);
    beforeEach(() => {
      onTestFailed(() => console.error(world().bridge.output.join('\n')));
    });
    afterAll(() => shared?.[Symbol.asyncDispose](), TIMEOUT);

    start(world);
    words(world);
    restart(world, 'SIGTERM');
    more(world);
    linked(world);
    end(world);
  });
}

function start(world: () => World): void {
  it('is up and says so', async () => {
    await expect
      .poll(() => world().health(), SOON)
      .toMatchObject({ name: 'Plexichat server', state: 'up', reason: null, warnings: [] });
  });

  it('knows who was there before it came, by her name', async () => {
    const { b, server } = world();
    await expect.poll(() => world().onMatrix(), SOON).toMatchObject({ presence: 'unavailable' });
    const { username } = await server.profile(b.id, b);
    const { body } = await world().operate('GET', `/people/${b.id}`);
    expect(body).toMatchObject({ display_name: username, linked: false });
  });

  it('moves nobody by its start', async () => {
    const { a, b, said, server } = world();
    const { status, last_seen } = said;
    expect(await server.read(b.id, a)).toMatchObject({ status, last_seen });
  });

  it('lets in by tokens of the server, and not by others', async () => {
    const { b, bridge } = world();
    const path = `/api/v1/users/${b.id}/presence`;
    expect((await bridge.call('GET', path, b.token)).body).toMatchObject({ status: 'dnd' });
    expect((await bridge.call('GET', path, `${b.id}.nonsense`)).status).toBe(401);
  });
}

function words(world: () => World): void {
  it.each([
    [
      { status: 'online', custom_status: 'reading', custom_emoji: ':book:' },
      { presence: 'online', status_msg: '📖 reading' },
    ],
    [{ status: 'idle' }, { presence: 'unavailable', status_msg: '📖 reading' }],
    [
      { status: 'dnd', custom_status: 'deep work' },
      { presence: 'unavailable', status_msg: 'deep work' },
    ],
    [{ status: 'online' }, { presence: 'online', status_msg: 'deep work' }],
  ])('is told of %o', async (said, seen) => {
    await world().server.write(world().b, said);
    await expect.poll(() => world().onMatrix(), SOON).toMatchObject(seen);
  });

  it('does not tell invisible from offline', async () => {
    const { server, b } = world();
    const seen: any[] = [];
    for (const said of [{ status: 'offline' }, { status: 'invisible', custom_status: 'secret' }]) {
      await server.write(b, { status: 'online', custom_status: 'here' });
      await expect
        .poll(() => world().onMatrix(), SOON)
        .toMatchObject({ presence: 'online', status_msg: 'here' });
      await server.write(b, said);
      await expect.poll(() => world().onMatrix(), SOON).toMatchObject({ presence: 'offline' });
      const { last_active_ago, ...rest } = await world().onMatrix();
      seen.push({ ...rest, dated: last_active_ago !== undefined });
    }
    expect(seen[1]).toEqual(seen[0]);
    await server.write(b, { status: 'online', custom_status: 'back' });
    await expect
      .poll(() => world().onMatrix(), SOON)
      .toMatchObject({ presence: 'online', status_msg: 'back' });
  });
}

function end(world: () => World): void {
  it('has kept to the limits of the server', async () => {
    const { requests, allowed } = await world().spent();
    expect(requests).toBeGreaterThan(0);
    expect(requests).toBeLessThanOrEqual(allowed);
    expect(world().tooMuch()).toEqual([]);
    // A server that was told to skip its limits does not tell how far off they are.
    const { leastRemaining } = world().server;
    if (world().bypassed) expect(leastRemaining).toBe(null);
    else expect(leastRemaining).toBeGreaterThan(0);
  });

  it('leaves everybody as before', async () => {
    const left = await world().leave();
    expect(left.length).toBeGreaterThanOrEqual(2);
    expect(left.map(({ after }) => after)).toEqual(left.map(({ before }) => before));
  });
}
