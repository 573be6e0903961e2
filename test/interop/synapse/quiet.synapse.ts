import { describe, expect, it } from 'vitest';
import { inWorld } from './in-world.ts';
import { SOON, World } from './world.ts';

/** Longer than Synapse believes anybody without another word, three times. */
const QUIET_MS = 90_000;
const SAMPLE_MS = 1_000;
/** The bridge repeats itself after 2/3 to all of 25 s. */
const REPEATS = { least: Math.floor(QUIET_MS / 25_000), most: Math.ceil((QUIET_MS * 1.5) / 25_000) + 1 };
/** Synapse gives up who is silent after 60 s at most, which it looks for every 5 s. */
const VANISHED = { timeout: 75_000, interval: 500 };

/** Nobody says anything: what holds stays, what Synapse gives up ends, and there is no traffic but for that. */
function quiet(world: () => World): void {
  describe('90 quiet seconds', () => {
    it('leave stand-ins online and end who vanished', async () => {
      const { pat, ann, onMatrix, onPlexichat } = world();
      const dave = await world().matrixUser('dave');
      await world().follow(dave.userId);
      await world().putOnPlexichat(pat, { status: 'online', custom_status: 'for long' });
      await expect.poll(() => onMatrix.latest(pat.standIn)?.status_msg, SOON).toBe('for long');
      await world().synapse.sync(dave.token, undefined, 0, 'online');
      await expect.poll(() => world().readOnPlexichat(dave), SOON).toMatchObject({ status: 'online' });

      const daves = onPlexichat.from((await world().snowflakeOf(dave)) ?? '');
      const pats = onPlexichat.from(pat.id);
      const standIns = [onMatrix.from(pat.standIn), onMatrix.from(ann.standIn)];
      const before = await counts(world());
      const vanished = expect
        .poll(() => world().readOnPlexichat(dave), VANISHED)
        .toMatchObject({ status: 'offline' });
      const [samples] = await Promise.all([sample(world(), pat.standIn), vanished]);

      expect(new Set(samples)).toEqual(new Set(['online true for long']));
      expect(samples.length).toBeGreaterThan(QUIET_MS / SAMPLE_MS / 3);
      for (const come of standIns) expect(come().filter(({ presence }) => presence !== 'online')).toEqual([]);
      expect(pats()).toEqual([]);
      expect(daves().map(({ status }) => status)).toEqual(['offline']);

      const after = await counts(world());
      const written = after.written - before.written;
      expect(written).toBeGreaterThanOrEqual(REPEATS.least * standIns.length);
      expect(written).toBeLessThanOrEqual(REPEATS.most * standIns.length);
      expect(after.failed).toBe(before.failed);
      // Synapse tells of a repetition at most once.
      expect(after.echo - before.echo).toBeLessThanOrEqual(written);
    });

    it('are followed by a single end', async () => {
      const { pat, onMatrix } = world();
      const come = onMatrix.from(pat.standIn);
      await world().putOnPlexichat(pat, { status: 'offline' });
      await expect.poll(() => come().at(-1)?.presence, SOON).toBe('offline');
      // What another says later arrives later.
      await world().putOnPlexichat(world().ann, { status: 'online', custom_status: 'after pat' });
      await expect.poll(() => onMatrix.latest(world().ann.standIn)?.status_msg, SOON).toBe('after pat');
      expect(come().map(({ presence }) => presence)).toEqual(['offline']);
    });
  });
}

/** How a user is at Synapse, again and again while it is quiet. */
async function sample(world: World, userId: string): Promise<string[]> {
  const end = Date.now() + QUIET_MS;
  const samples: string[] = [];
  await expect
    .poll(
      async () => {
        const { presence, currently_active, status_msg } = await world.readOnMatrix(userId);
        samples.push(`${presence} ${currently_active} ${status_msg}`);
        return Date.now() >= end;
      },
      { timeout: QUIET_MS + SOON.timeout, interval: SAMPLE_MS },
    )
    .toBe(true);
  return samples;
}

async function counts(world: World) {
  return {
    written: await world.count('pushes', 'written'),
    failed: await world.count('pushes', 'failed'),
    echo: await world.count('received', 'echo'),
  };
}

inWorld('a bridge and a Synapse', () => World.start(), quiet);
