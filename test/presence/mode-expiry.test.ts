import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { modeAt, nextChange } from '../../src/presence/expiry.ts';
import { reduceLease, reduceReport } from '../../src/presence/feed.ts';
import { mergeRecords } from '../../src/presence/merge.ts';
import type { PresenceRecord } from '../../src/presence/record.ts';
import { BLANK } from '../../src/presence/record.ts';
import { reduce, reduceSignal } from '../../src/presence/reduce.ts';
import type { Signal } from '../../src/presence/signal.ts';
import { project } from '../../src/presence/shown.ts';
import { explain, reveal } from '../../src/presence/why.ts';
import { RULES } from '../helpers/bridge.ts';
import { START } from '../helpers/clock.ts';
import { claimed, LOUD, poor, QUIET, rich, says } from './dialects.ts';
import { stepIn, wait } from './histories.ts';

const { timing } = RULES;
const MINUTE = 60_000;
const UNTIL = START + 30 * MINUTE;

function until(record: PresenceRecord, expiresAt: number | null): PresenceRecord {
  return record.claim ? { ...record, claim: { ...record.claim, expiresAt } } : record;
}

function connected(id: string, endsAt: number): Signal {
  return { kind: 'session', id, origin: LOUD, mode: 'online', active: true, endsAt };
}

function hidden(): PresenceRecord {
  const online = reduce(BLANK, says(rich, 'online'), START - MINUTE, RULES);
  return reduce(online, { ...says(rich, 'invisible'), expiresAt: UNTIL }, START, RULES);
}

describe('a mode with an end', () => {
  it.each(['online', 'chat', 'idle', 'dnd', 'invisible'] as const)(
    '%s ends in its very millisecond',
    (mode) => {
      const record = until(claimed(mode, LOUD), START + 1000);
      expect([0, 999, 1000].map((after) => modeAt(record, START + after, timing))).toEqual([
        mode,
        mode,
        'offline',
      ]);
      expect(nextChange(record, START, timing)).toBe(START + 1000);
    },
  );

  it('gives way to what connections say', () => {
    const online = reduceSignal(BLANK, connected('a', START + 90 * MINUTE), START, RULES);
    const busy = reduce(online, { ...says(rich, 'dnd'), expiresAt: START + 1000 }, START, RULES);
    expect([999, 1000].map((after) => modeAt(busy, START + after, timing))).toEqual(['dnd', 'online']);
  });

  it('keeps its end when it is echoed, also by a network that cannot say it', () => {
    const busy = until(claimed('dnd', LOUD), UNTIL);
    for (const echo of [says(rich, 'dnd'), says(poor, 'idle'), says(poor, 'online')]) {
      expect(reduce(busy, echo, START + 1, RULES).claim).toMatchObject({ mode: 'dnd', expiresAt: UNTIL });
    }
  });

  it.each([null, START + 5])('takes another end, %s, with the same word', (expiresAt) => {
    const busy = until(claimed('dnd', LOUD), UNTIL);
    const next = reduce(busy, { ...says(rich, 'dnd'), expiresAt }, START + 1, RULES);
    expect(next.claim).toMatchObject({ mode: 'dnd', expiresAt, at: START });
  });

  it('is over with another word, which has no end by itself', () => {
    const busy = until(claimed('dnd', LOUD), UNTIL);
    expect(reduce(busy, says(rich, 'idle'), START + 1, RULES).claim?.expiresAt).toBeNull();
  });

  it('is no part of offline, which a connection ends', () => {
    const gone = reduce(BLANK, { ...says(rich, 'offline'), expiresAt: UNTIL }, START, RULES);
    expect(gone.claim).toMatchObject({ mode: 'offline', expiresAt: null });
  });

  it.each<[string, (record: PresenceRecord, now: number) => PresenceRecord]>([
    ['a write', (record, now) => reduce(record, says(poor, 'idle'), now, RULES)],
    ['a session', (record, now) => reduceSignal(record, connected('b', now + MINUTE), now, RULES)],
    [
      'a report',
      (record, now) => {
        const report = { network: QUIET, dialect: poor, mode: 'online', own: false, activeAt: now } as const;
        return reduceReport(record, { ...report, endsAt: now + MINUTE }, now, RULES);
      },
    ],
    ['a link', (record, now) => mergeRecords(record, BLANK, now, timing)],
  ])('once over, is gone for good after %s', (_name, step) => {
    const busy = until(claimed('dnd', LOUD), UNTIL);
    const next = step(busy, UNTIL);
    expect(next.claim?.mode).not.toBe('dnd');
    expect(modeAt(next, UNTIL, timing)).not.toBe('dnd');
  });
});

describe('invisible with an end', () => {
  const looks = fc.array(fc.integer({ min: 0, max: 30 * MINUTE - 1 }), { minLength: 1 });
  const unseen = fc.array(stepIn(fc.constant(poor)), { maxLength: 6 });
  const lease = fc.integer({ min: 1, max: 60 * MINUTE });

  it('moves nothing before it (semantics §6)', () => {
    fc.assert(
      fc.property(unseen, lease, looks, (steps, leased, times) => {
        const online = reduce(BLANK, says(rich, 'online'), START - MINUTE, RULES);
        const left = reduce(online, says(rich, 'offline'), START, RULES);
        let record = reduceSignal(hidden(), connected('a', START + leased), START, RULES);
        let now = START;
        for (const step of steps) {
          now += step.wait;
          if (now >= UNTIL) break;
          record = reduce(record, step.write, now, RULES);
        }
        for (const look of times.map((time) => Math.max(START + time, Math.min(now, UNTIL - 1)))) {
          expect(project(record, look, timing).shown).toEqual(project(left, look, timing).shown);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('shows her from its very millisecond on where she is connected', () => {
    const record = reduceSignal(hidden(), connected('a', UNTIL + MINUTE), START + 28 * MINUTE, RULES);
    const modes = [-1, 0].map((after) => project(record, UNTIL + after, timing).shown.mode);
    expect(modes).toEqual(['offline', 'online']);
    // And when the connection ends she is seen to have left then, not when she hid.
    const { shown } = project(record, UNTIL + MINUTE, timing);
    expect([shown.mode, shown.lastActivity]).toEqual(['offline', START + 28 * MINUTE]);
  });

  it('leaves her as she was shown where she is not, until she connects', () => {
    const said = reduce(
      hidden(),
      says(poor, 'idle', { kind: 'set', text: 'x', emoji: null }),
      START + 5,
      RULES,
    );
    const before = project(said, UNTIL - 1, timing).shown;
    expect(project(said, UNTIL, timing).shown).toEqual(before);
    expect(project(said, UNTIL, timing).own.mode).toBe('offline');
    const [late, later] = [UNTIL + MINUTE, UNTIL + 2 * MINUTE];
    const back = reduceSignal(said, connected('a', later), late, RULES);
    expect(project(back, late, timing).shown).toMatchObject({ mode: 'online', status: { text: 'x' } });
    expect(project(back, later, timing).shown).toMatchObject({ mode: 'offline', lastActivity: late });
  });

  it('is explained like offline to whoever gives no reason, with its end to whoever does', () => {
    for (const now of [UNTIL - 1, UNTIL]) expect(explain(hidden(), now, timing).grounds).toBeNull();
    expect(reveal(hidden(), START, timing).grounds).toMatchObject({
      claim: { mode: 'invisible', endsAt: UNTIL, holds: true },
      deadlines: [{ at: UNTIL, what: 'claim expires' }],
    });
  });

  it('does not come back with a lease that is extended after it', () => {
    const report = { network: QUIET, dialect: poor, mode: 'online', own: false, activeAt: START } as const;
    const fed = reduceReport(hidden(), { ...report, endsAt: UNTIL + 1 }, START, RULES);
    const extended = reduceLease(fed, QUIET, UNTIL + MINUTE, UNTIL, RULES);
    expect(extended.claim).toBeNull();
    expect(extended.veil).toBeNull();
  });
});

it.each([
  [20 * MINUTE, ['20 claim expires']],
  [120 * MINUTE, ['30 claim ends', '120 claim expires']],
])('tells when what she said for so long holds no more: %i ms', (length, coming) => {
  const write = { ...says(rich, 'dnd'), expiresAt: START + length };
  const { grounds } = explain(reduce(BLANK, write, START, RULES), START, timing);
  expect(grounds?.deadlines.map(({ at, what }) => `${(at - START) / MINUTE} ${what}`)).toEqual(coming);
});

it('nothing is seen to change between the instants that are told beforehand', () => {
  const ends = fc.option(fc.integer({ min: 1, max: 60 * MINUTE }));
  const act = fc.record({
    wait,
    mode: fc.constantFrom('online', 'idle', 'dnd', 'invisible', 'offline'),
    ends,
    connects: fc.option(fc.integer({ min: 1, max: 40 * MINUTE })),
  });
  fc.assert(
    fc.property(
      fc.array(act, { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 0, max: 7_200_000 }),
      (acts, later) => {
        let [record, now] = [BLANK, START];
        for (const { wait, mode, ends, connects } of acts) {
          now += wait;
          if (connects !== null) record = reduceSignal(record, connected('a', now + connects), now, RULES);
          const expiresAt = ends === null ? null : now + ends;
          record = reduce(record, { ...says(rich, mode), expiresAt }, now, RULES);
        }
        const next = nextChange(record, now, timing) ?? Infinity;
        const seen = (at: number) => project(record, at, timing);
        expect(seen(Math.min(now + later, next - 1))).toEqual(seen(now));
      },
    ),
    { numRuns: 1000 },
  );
});
