import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Dialect } from '../../src/presence/dialect.ts';
import { modeAt, statusAt } from '../../src/presence/expiry.ts';
import type { ExplicitWrite } from '../../src/presence/reduce.ts';
import { reduce } from '../../src/presence/reduce.ts';
import type { Own } from '../../src/presence/shown.ts';
import { project } from '../../src/presence/shown.ts';
import { RULES } from '../helpers/bridge.ts';
import { START } from '../helpers/clock.ts';
import { chatty, claimed, dialects, LOUD, poor, rich, says } from './dialects.ts';
import { BEGINNING, dialect, history, live, outcome, said, stepIn, wait } from './histories.ts';

const { timing } = RULES;

/** What a client of this dialect would send that sends back what it was shown. */
function echo(to: Dialect, { mode, status }: Own): ExplicitWrite {
  const { text, emoji } = to.see(status);
  if (text === null && emoji === null) return says(to, said(to, mode));
  return says(to, said(to, mode), { kind: 'set', emoji, ...(text === null ? {} : { text }) });
}

describe('after any history', () => {
  it('an echo changes nothing but her activity and the version (semantics §4.1)', () => {
    fc.assert(
      fc.property(history, wait, dialect, fc.boolean(), (steps, later, to, sticky) => {
        const { record, now: then } = outcome(BEGINNING, steps);
        const now = then + later;
        const before = project(record, now, timing);
        const write = echo(to, before.own);
        const next = reduce(record, write, now, { ...RULES, sticky });
        const after = project(next, now, timing);

        expect(to.words[after.own.mode]).toBe(to.words[before.own.mode]);
        expect(after.own.status).toEqual(before.own.status);
        expect(after.own.lastActivity).toBe(now);
        expect(next.version).toBe(record.version + 1);
        if (record.claim?.mode !== before.own.mode) return;
        expect(after.own.mode).toBe(before.own.mode);
        expect(next.claim).toEqual({ ...record.claim, activeAt: now });
        expect({ ...after.shown, lastActivity: null }).toEqual({ ...before.shown, lastActivity: null });
        expect(after.shown.lastActivity).toBe(record.veil ? before.shown.lastActivity : now);
      }),
      { numRuns: 500 },
    );
  });

  it('any number of echoes leaves her words as they were in every dialect (semantics §3)', () => {
    fc.assert(
      fc.property(history, fc.array(dialect), (steps, readers) => {
        const { record, now } = outcome(BEGINNING, steps);
        const before = project(record, now, timing).own;
        const echoed = readers.reduce((current, to) => {
          const own = project(current, now, timing).own;
          return reduce(current, echo(to, own), now, RULES);
        }, record);
        const after = project(echoed, now, timing).own;
        for (const to of Object.values(dialects)) {
          expect(to.words[after.mode]).toBe(to.words[before.mode]);
          expect(to.see(after.status)).toEqual(to.see(before.status));
        }
      }),
    );
  });

  it('versions have no gap and times are whole, never ahead of the clock', () => {
    fc.assert(
      fc.property(history, wait, (steps, later) => {
        for (const [index, { record, now }] of live(BEGINNING, steps).entries()) {
          expect(record.version).toBe(index);
          const { own, shown } = project(record, now + later, timing);
          for (const { lastActivity } of [own, shown]) {
            if (lastActivity === null) continue;
            expect(Number.isInteger(lastActivity)).toBe(true);
            expect(lastActivity).toBeGreaterThanOrEqual(START);
            expect(lastActivity).toBeLessThanOrEqual(now);
          }
        }
      }),
    );
  });

  it('a status is never empty, and gone from its expiry on', () => {
    fc.assert(
      fc.property(history, wait, (steps, later) => {
        const { record, now } = outcome(BEGINNING, steps);
        const { own, shown } = project(record, now + later, timing);
        for (const { status } of [own, shown]) {
          if (status === null) continue;
          expect(status.text ?? status.emoji).not.toBeNull();
          expect(status.expiresAt ?? Infinity).toBeGreaterThan(now + later);
          expect(statusAt(status, now + later)).toBe(status);
        }
      }),
    );
  });

  it('nobody is shown invisible, and whoever hides shows offline', () => {
    fc.assert(
      fc.property(history, wait, (steps, later) => {
        const { record, now } = outcome(BEGINNING, steps);
        const { own, shown } = project(record, now + later, timing);
        expect(shown.mode).toBe(own.mode === 'invisible' ? 'offline' : own.mode);
      }),
    );
  });
});

describe('dnd and invisible', () => {
  const stuck = fc.constantFrom('dnd' as const, 'invisible' as const);
  const without = fc.array(stepIn(fc.constantFrom(poor, chatty)));

  it('survive whatever a dialect without them writes, but dnd no offline (semantics §4.2)', () => {
    fc.assert(
      fc.property(stuck, without, (mode, steps) => {
        const kept = steps.filter(({ write }) => mode === 'invisible' || write.mode !== 'offline');
        const { record } = outcome({ record: claimed(mode, LOUD), now: START }, kept);
        expect(record.claim).toMatchObject({ mode, origin: LOUD, at: START });
      }),
    );
  });

  it('are lifted by every word of a dialect that has them', () => {
    fc.assert(
      fc.property(stuck, without, stepIn(fc.constant(rich)), (mode, steps, { wait, write }) => {
        const from = outcome({ record: claimed(mode, LOUD), now: START }, steps);
        const { record } = outcome(from, [{ wait, write }]);
        expect(said(rich, record.claim?.mode ?? 'offline')).toBe(write.mode);
      }),
    );
  });
});

describe('timers', () => {
  const durations = fc
    .tuple(fc.integer({ min: 1, max: 1e9 }), fc.integer({ min: 1, max: 1e9 }))
    .map(([idleAfter, more]) => ({ idleAfter, claimTtl: idleAfter + more, busyTtl: 1 }));

  it('fire in their very millisecond and not before (semantics §5)', () => {
    fc.assert(
      fc.property(durations, fc.constantFrom('online' as const, 'chat' as const), (timing, mode) => {
        const record = reduce(claimed('idle', LOUD), says(chatty, mode), START, {
          ...RULES,
          timing,
        });
        const seen = [timing.idleAfter - 1, timing.idleAfter, timing.claimTtl - 1, timing.claimTtl];
        const modes = seen.map((after) => modeAt(record, START + after, timing));
        expect(modes).toEqual([mode, 'idle', 'idle', 'offline']);
      }),
    );
  });
});
