import { describe, expect, it } from 'vitest';
import { inWorld } from './in-world.ts';
import { SOON, statusPath, World } from './world.ts';

const OUTAGE_MS = 40_000;
const SAMPLE_MS = 1_000;
/** The bridge looks for a lost homeserver once in a minute at least. */
const BACK = { timeout: 70_000, interval: 200 };

const BUSY = 'org.matrix.msc3026.busy';

/** Synapse goes away for a while, and comes back with busy (MSC3026), while the bridge goes on. */
function outage(world: () => World): void {
  describe('without Synapse', () => {
    let stoppedAt = 0;
    let downSince = 0;
    let alices: () => unknown[];
    let pats: () => { presence: string; status_msg?: string }[];

    it('the bridge says that it is down, and since when', async () => {
      const { alice, pat, onMatrix } = world();
      await world().watchOnPlexichat();
      await world().putOnMatrix(alice, { presence: 'online', status_msg: 'still here' });
      await world().putOnPlexichat(pat, { status: 'online', custom_status: 'up' });
      await expect
        .poll(() => world().readOnPlexichat(alice), SOON)
        .toMatchObject({ status: 'online', custom_status: 'still here' });
      await expect.poll(() => onMatrix.latest(pat.standIn)?.status_msg, SOON).toBe('up');
      expect(await world().health()).toMatchObject({ state: 'up', reason: null });
      alices = world().onPlexichat.from((await world().snowflakeOf(alice)) ?? '');
      pats = onMatrix.from(pat.standIn);

      stoppedAt = Date.now();
      await world().synapse.stop();
      await world().putOnPlexichat(pat, { status: 'idle', custom_status: 'one' });
      await expect
        .poll(() => world().health(), SOON)
        .toMatchObject({ state: 'down', reason: expect.any(String) });
      const { since } = await world().health();
      downSince = since;
      expect(since).toBeGreaterThanOrEqual(stoppedAt);
      expect(since).toBeLessThanOrEqual(Date.now());
    });

    it('it neither vouches for a token nor calls it wrong', async () => {
      const { bridge, bob } = world();
      const { status } = await bridge.call('PUT', statusPath(bob.userId), bob.token, { presence: 'online' });
      expect([502, 503]).toContain(status);
    });

    it('nobody is said to be gone', async () => {
      const { alice, pat } = world();
      await world().putOnPlexichat(pat, { status: 'online', custom_status: 'two' });
      await world().putOnPlexichat(pat, { status: 'dnd', custom_status: 'three' });
      const samples = new Set<string>();
      await expect
        .poll(
          async () => {
            const { status, custom_status } = await world().readOnPlexichat(alice);
            const { state, since, backlog } = await world().health();
            samples.add(`${status} ${custom_status}, ${state} since ${since}, ${backlog > 0}`);
            return Date.now() - stoppedAt >= OUTAGE_MS;
          },
          { timeout: OUTAGE_MS + SOON.timeout, interval: SAMPLE_MS },
        )
        .toBe(true);
      expect([...samples]).toEqual([`online still here, down since ${downSince}, true`]);
      expect(alices()).toEqual([]);
      expect(world().onPlexichat.open).toBe(true);
    });

    it('only the newest of what was said meanwhile is told once it is back, now in words that it has', async () => {
      const { alice, pat, onMatrix } = world();
      await world().startSynapse(true);
      await world().putOnMatrix(alice, { presence: 'online', status_msg: 'back' });
      await expect.poll(() => world().health(), BACK).toMatchObject({ state: 'up', reason: null });
      expect((await world().health()).since).toBeGreaterThanOrEqual(stoppedAt + OUTAGE_MS);
      await expect
        .poll(() => onMatrix.latest(pat.standIn), SOON)
        .toMatchObject({ presence: BUSY, status_msg: 'three' });
      expect(pats().filter(({ status_msg }) => status_msg === 'one' || status_msg === 'two')).toEqual([]);
      await expect.poll(async () => (await world().health()).backlog, SOON).toBe(0);
    });
  });

  describe('with busy', () => {
    const read = () => world().readOnPlexichat(world().alice);

    it('busy of a Matrix user is dnd, until she says otherwise', async () => {
      const { alice } = world();
      await world().putOnMatrix(alice, { presence: BUSY, status_msg: 'in a call' });
      await expect.poll(read, SOON).toMatchObject({ status: 'dnd', custom_status: 'in a call' });
      await world().putOnMatrix(alice, { presence: 'online', status_msg: 'hung up' });
      await expect.poll(read, SOON).toMatchObject({ status: 'online', custom_status: 'hung up' });
    });

    it('dnd of a Plexichat user is busy, until she says otherwise', async () => {
      const { pat, onMatrix } = world();
      await world().putOnPlexichat(pat, { status: 'idle' });
      await expect.poll(() => onMatrix.latest(pat.standIn)?.presence, SOON).toBe('unavailable');
      await world().putOnPlexichat(pat, { status: 'dnd', custom_emoji: ':computer:' });
      await expect
        .poll(() => onMatrix.latest(pat.standIn), SOON)
        .toMatchObject({ presence: BUSY, status_msg: '💻 three' });
      await world().putOnPlexichat(pat, { status: 'offline' });
      await expect.poll(() => onMatrix.latest(pat.standIn)?.presence, SOON).toBe('offline');
    });
  });
}

inWorld('a bridge and a Synapse', () => World.start(), outage);
