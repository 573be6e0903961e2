import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { PresenceRecord } from '../../src/presence/record.ts';
import type { Act, Histories, Sabotage, Step } from '../helpers/two-worlds.ts';
import { bending, honest, playWorld } from '../helpers/two-worlds.ts';
import { anyone, others, read, says, unseenOnceOffline, unseenWhileInvisible, visible } from './acts.ts';

/** `TWO_WORLD_RUNS=5000 npm test` for a long run. */
const RUNS = Number(process.env['TWO_WORLD_RUNS'] ?? 30);

const wait: fc.Arbitrary<Step> = fc
  .constantFrom(1, 999, 59_000, 60_000, 299_999, 300_000, 1_800_000, 3_600_000)
  .map((ms) => ({ kind: 'wait', ms }));
function step(act: fc.Arbitrary<Act>): fc.Arbitrary<Step> {
  return fc.oneof(
    wait,
    act.map((act): Step => ({ kind: 'act', act })),
  );
}

const round = (unseen: fc.Arbitrary<Act>) =>
  fc.record({
    unseen: fc.array(unseen, { maxLength: 4 }),
    seen: fc.array(step(fc.oneof(visible(others), read(others))), { maxLength: 3 }),
  });

const histories: fc.Arbitrary<Histories> = fc
  .record({
    before: fc.array(step(visible(anyone)), { maxLength: 8 }),
    by: fc.constantFrom('plexichat', 'bridge'),
    says,
    hidden: fc.array(round(unseenWhileInvisible), { minLength: 1, maxLength: 3 }),
    gone: fc.array(round(unseenOnceOffline), { maxLength: 2 }),
  })
  .map(({ before, by, says, hidden, gone }) => ({
    before,
    leave: {
      by: by,
      saying: by === 'bridge' ? { text: says.custom_status, emoji: says.custom_emoji } : says,
    },
    after: [...hidden, ...gone],
  }));

function twoWorlds(settings: object, sabotage: Sabotage) {
  return fc.asyncProperty(histories, async (history) => {
    const invisible = await playWorld('invisible', history, settings, sabotage);
    const offline = await playWorld('offline', history, settings, sabotage);
    expect(invisible).toEqual(offline);
  });
}

describe('invisible cannot be told from offline (semantics §6)', () => {
  it.each([
    ['by default', {}],
    ['with busy and the server dialect', { matrix: { busy: true }, plexichat: { dialect: 'server' } }],
  ])(
    '%s',
    async (_name, settings) => {
      await fc.assert(twoWorlds(settings, honest), { numRuns: RUNS });
    },
    120_000 + RUNS * 2000,
  );

  it(
    'within limits of writes, whose headers tell what is left',
    async () => {
      // As many as Una may have written before she leaves, so that she does in both worlds.
      const settings = { limits: { writes: { burst: 12, per_second: 0.001 } } };
      await fc.assert(twoWorlds(settings, honest), { numRuns: Math.ceil(RUNS / 4) });
    },
    120_000 + RUNS * 2000,
  );

  it.each<[string, (record: PresenceRecord) => PresenceRecord]>([
    ['the status said while hidden', (r) => (r.veil ? { ...r, veil: { ...r.veil, status: r.status } } : r)],
    [
      'activity while hidden',
      (r) => (r.veil?.sealed ? { ...r, veil: { ...r.veil, lastActivity: r.lastActivity } } : r),
    ],
    ['that a veil is sealed', (r) => (r.veil?.sealed ? { ...r, veil: { ...r.veil, status: null } } : r)],
  ])(
    'a build that leaks %s is caught',
    async (_name, bend) => {
      const details = await fc.check(twoWorlds({}, bending(bend)), { numRuns: 300, endOnFailure: true });
      expect(details.failed).toBe(true);
    },
    300_000,
  );
});
