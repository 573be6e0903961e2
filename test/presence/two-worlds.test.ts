import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Veil } from '../../src/presence/record.ts';
import { reduce } from '../../src/presence/reduce.ts';
import { project } from '../../src/presence/shown.ts';
import { RULES } from '../helpers/bridge.ts';
import { rich, says } from './dialects.ts';
import type { Reducer, Step } from './histories.ts';
import { BEGINNING, dialect, history, outcome, statusEdit, step, wait } from './histories.ts';

/**
 * The steps that leave her out of sight: while invisible whatever a dialect without the word says; after her own
 * `offline` only that word and invisible again.
 */
function unseen(steps: readonly Step[]): Step[] {
  let hidden = true;
  return steps.filter(({ write: { dialect, mode } }) => {
    const visible = mode !== 'offline' && mode !== 'invisible';
    if (visible) return hidden && dialect !== rich;
    if (dialect === rich) hidden = mode === 'invisible';
    return true;
  });
}

/** Semantics §6: hiding and then doing anything looks like leaving and then doing nothing. */
function twoWorlds(reducer: Reducer) {
  const inputs = {
    before: history,
    pause: wait,
    hiding: statusEdit,
    leaver: dialect,
    unseenSteps: fc.array(step, { maxLength: 12 }).map(unseen),
    looks: fc.array(wait, { minLength: 1 }),
  };
  return fc.property(fc.record(inputs), ({ before, pause, hiding, leaver, unseenSteps, looks }) => {
    const common = outcome(BEGINNING, before, RULES, reducer);
    const hide: Step = { wait: pause, write: says(rich, 'invisible', hiding) };
    const leave: Step = { wait: pause, write: says(leaver, 'offline') };
    const a = outcome(common, [hide, ...unseenSteps], RULES, reducer);
    const b = outcome(common, [leave], RULES, reducer);
    for (const look of looks) {
      const [shownA, shownB] = [a, b].map(({ record }) => project(record, a.now + look, RULES.timing).shown);
      expect(shownA).toEqual(shownB);
    }
  });
}

/** The reducer with something wrong in the veil. */
function leaky(tamper: (veil: Veil, next: ReturnType<Reducer>, now: number) => Veil): Reducer {
  return (record, write, now, rules) => {
    const next = reduce(record, write, now, rules);
    return next.veil ? { ...next, veil: tamper(next.veil, next, now) } : next;
  };
}

const LEAKS: Record<string, Reducer> = {
  'the text written while invisible': leaky((veil, next) => ({ ...veil, status: next.status })),
  'the time of what she does while invisible': leaky((veil, _, now) => ({ ...veil, lastActivity: now })),
  'the text written once invisible became offline': leaky((veil, next) => {
    return next.claim?.mode === 'offline' ? { ...veil, status: next.status } : veil;
  }),
  'the end of invisibility': leaky((veil, next) => ({ ...veil, sealed: next.claim?.mode === 'invisible' })),
  'that a status is cleared by hiding': leaky((veil) => (veil.sealed ? { ...veil, status: null } : veil)),
};

describe('the two-world rule', () => {
  it('holds for every history', () => {
    fc.assert(twoWorlds(reduce), { numRuns: 2000 });
  });

  it.each(Object.entries(LEAKS))('would catch a leak: %s', (_, reducer) => {
    const { failed } = fc.check(twoWorlds(reducer), { numRuns: 2000, seed: 1, endOnFailure: true });
    expect(failed).toBe(true);
  });

  it('is tried on lives that go on while invisible', () => {
    const lengths = fc.sample(fc.array(step, { maxLength: 12 }).map(unseen), { numRuns: 200, seed: 1 });
    expect(lengths.filter((steps) => steps.length >= 2).length).toBeGreaterThan(50);
  });
});
