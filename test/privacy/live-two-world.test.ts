import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { PresenceRecord } from '../../src/presence/record.ts';
import { nextChange } from '../../src/presence/expiry.ts';
import { project, sameFace } from '../../src/presence/shown.ts';
import { countSeen, isSeen } from '../../src/surfaces/plexichat/gateway/counters.ts';
import { isNews } from '../../src/surfaces/bridge/dashboard/news.ts';
import type { Act, Sabotage } from '../helpers/two-worlds.ts';
import { bending, honest, OBSERVERS } from '../helpers/two-worlds.ts';
import { anyone, others, says, unseenOnceOffline, unseenWhileInvisible, visible } from './acts.ts';
import type { Deed, LiveHistory, LiveStep, Obtained, SocketAct } from './live-world.ts';
import { playLiveWorld } from './live-world.ts';

vi.mock('../../src/presence/expiry.ts', { spy: true });
vi.mock('../../src/presence/shown.ts', { spy: true });
vi.mock('../../src/surfaces/plexichat/gateway/counters.ts', { spy: true });
vi.mock('../../src/surfaces/bridge/dashboard/news.ts', { spy: true });

const actual = await vi.importActual<{ project: typeof project }>('../../src/presence/shown.ts');

/** Of a leak: after so long without activity she counts as quiet, ms. */
const QUIET_MS = 60_000;
/** `LIVE_TWO_WORLD_RUNS=2000 npm test` for a long run. */
const RUNS = Number(process.env['LIVE_TWO_WORLD_RUNS'] ?? 12);

function atGateway(status: readonly string[]): fc.Arbitrary<SocketAct> {
  return fc.oneof(
    fc.record({ kind: fc.constant('identify' as const), compress: fc.boolean() }),
    fc.record({
      kind: fc.constantFrom('drop' as const, 'resume' as const, 'beat' as const, 'type' as const),
    }),
    fc
      .record({ status: fc.constantFrom(...status, 'nonsense'), said: says })
      .map(({ status, said }) => ({ kind: 'say' as const, d: { status, ...said } })),
  );
}
const call = (act: fc.Arbitrary<Act>) => act.map((act): Deed => ({ kind: 'call', act }));

const wait = fc
  .constantFrom(1, 29_999, 30_000, 45_000, 59_999, 60_000, 80_000)
  .map((ms): LiveStep => ({ kind: 'wait', ms }));
const line = fc.constantFrom(...OBSERVERS).map((of): LiveStep => ({ kind: 'line', of }));

const round = (unseen: fc.Arbitrary<Deed>) =>
  fc.record({
    unseen: fc.array(unseen, { maxLength: 4 }),
    seen: fc.array(fc.oneof({ weight: 3, arbitrary: wait }, line, call(visible(others))), { maxLength: 3 }),
  });

const histories: fc.Arbitrary<LiveHistory> = fc
  .record({
    before: fc.array(fc.oneof(wait, line, call(visible(anyone)), atGateway(['online', 'idle', 'dnd'])), {
      maxLength: 6,
    }),
    leave: fc.record({ by: fc.constantFrom('call' as const, 'socket' as const), saying: says }),
    hidden: fc.array(round(fc.oneof(call(unseenWhileInvisible), atGateway(['invisible']))), {
      minLength: 1,
      maxLength: 4,
    }),
    gone: fc.array(round(call(unseenOnceOffline)), { maxLength: 1 }),
  })
  .map(({ before, leave, hidden, gone }) => ({ before, leave, after: [...hidden, ...gone] }));

function twoWorlds(sabotage: Sabotage, by: readonly (keyof Obtained)[]) {
  return fc.asyncProperty(histories, async (history) => {
    const invisible = await playLiveWorld('invisible', history, sabotage);
    const offline = await playLiveWorld('offline', history, sabotage);
    for (const way of by) expect(invisible[way]).toEqual(offline[way]);
  });
}

/** Builds that leak, by where it is to be seen. */
const LEAKS: [what: string, where: keyof Obtained, build: () => Sabotage][] = [
  [
    'what she says while hidden',
    'gateway',
    () =>
      bending((record) =>
        record.veil ? { ...record, veil: { ...record.veil, status: record.status } } : record,
      ),
  ],
  [
    'when she was last active while hidden, by when a frame comes',
    'gateway',
    () => {
      const quietAt = ({ lastActivity }: PresenceRecord) => (lastActivity ?? 0) + QUIET_MS;
      vi.mocked(nextChange).mockImplementation((record, now) =>
        record.veil && quietAt(record) > now ? quietAt(record) : null,
      );
      vi.mocked(project).mockImplementation((record, now, timing) => {
        const { own, shown } = actual.project(record, now, timing);
        const text = record.veil && now >= quietAt(record) ? 'quiet' : 'busy';
        return { own, shown: { ...shown, status: { text, emoji: null, origin: 'bridge', expiresAt: null } } };
      });
      return honest;
    },
  ],
  [
    'that she does anything at all while hidden, by waking a sync',
    'polls',
    () => {
      vi.mocked(sameFace).mockReturnValue(false);
      return honest;
    },
  ],
  [
    'that she connects while hidden, by counting it',
    'metrics',
    () => {
      vi.mocked(countSeen).mockImplementation((counter) => {
        counter.inc();
        return Promise.resolve();
      });
      return honest;
    },
  ],
  [
    'that she does anything at all while hidden, to operators',
    'events',
    () => {
      vi.mocked(isNews).mockReturnValue(true);
      return honest;
    },
  ],
  [
    'a mistake of hers while hidden, by logging it',
    'logs',
    () => {
      vi.mocked(isSeen).mockResolvedValue(true);
      return honest;
    },
  ],
];

afterEach(() => vi.resetAllMocks());

describe('whoever watches live cannot tell invisible from offline (semantics §6)', () => {
  it(
    'by frames and their numbers, by when they come, by what wakes a sync, by what a dashboard is told, by metrics or logs',
    async () => {
      await fc.assert(twoWorlds(honest, ['gateway', 'polls', 'events', 'metrics', 'logs']), {
        numRuns: RUNS,
      });
    },
    60_000 + RUNS * 2000,
  );

  it.each(LEAKS)(
    'a build that leaks %s is caught',
    async (_what, where, build) => {
      const details = await fc.check(twoWorlds(build(), [where]), { numRuns: 100, endOnFailure: true });
      expect(details.failed).toBe(true);
      expect(details.errorInstance).toHaveProperty('name', 'AssertionError');
    },
    120_000,
  );
});
