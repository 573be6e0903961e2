import { describe, expect, it } from 'vitest';
import type { History } from './history.ts';
import { brokenPromises, survivingPart } from './history.ts';
import { honest, play } from './model.ts';

describe('the history checker', () => {
  it.each([1, 2, 3, 4, 5])('finds nothing wrong with a store that keeps its promises: seed %s', (seed) => {
    expect(brokenPromises(play(honest, seed))).toEqual([]);
  });

  it.each([
    ['acknowledges before it commits, and dies', { ...honest, loses: 0.1 }, /never committed/],
    ['does not compare before it sets', { ...honest, overwrites: 0.2 }, /version \d+ follows/],
    ['commits late what it has acknowledged', { ...honest, delays: 0.2 }, /committed after it/],
    ['reads from a cache that it does not keep true', { ...honest, forgetsOwn: 0.3 }, /acknowledged there/],
    ['hears too late of other nodes', { ...honest, deaf: true }, /more than \d+ ms before/],
    ['tells twice', { ...honest, repeats: 0.3 }, /is told .* after/],
    ['does not tell the last', { ...honest, quiet: true }, /ends with/],
    ['shows what was rolled back', { ...honest, dirty: 0.2 }, /which was never committed/],
  ])('catches a store that %s', (_name, store, problem) => {
    const found = [1, 2, 3].flatMap((seed) => brokenPromises(play(store, seed)));
    expect(found.join('\n')).toMatch(problem);
  });

  describe('of a watcher who begins anew', () => {
    const commits = [1, 2].map((version) => ({ person: 'p', version, text: `t${version}` }));
    const writes = [1, 2].map((i) => {
      const acknowledged = { tick: 2 * i, ms: 10 * i };
      return { person: 'p', node: 'n', text: `t${i}`, sent: 2 * i - 1, acknowledged };
    });
    const told = (text: string, ms: number, fresh: boolean) => ({
      watcher: 'w',
      person: 'p',
      text,
      fresh,
      ms,
    });
    const ends = [told('t2', 500, true)];
    const base = { writes, commits, reads: [], staleMs: 100 };

    it('lets what is known be told again, and for a time what was before', () => {
      const back = [told('t2', 30, false), told('t1', 40, true), told('t2', 50, false), ...ends];
      expect(brokenPromises({ ...base, told: back })).toEqual([]);
    });

    it('catches what is older', () => {
      const late = [told('t2', 30, false), told('t1', 121, true), ...ends];
      expect(brokenPromises({ ...base, told: late })).toEqual([
        'w begins anew with t1, more than 100 ms after t2',
      ]);
    });

    it('leaves out what was lost with the store, after which watchers begin anew', () => {
      const lost = { person: 'p', node: 'n', text: 'lost', sent: 5, acknowledged: { tick: 6, ms: 30 } };
      const history = {
        ...base,
        writes: [...writes, lost],
        told: [told('t2', 25, false), told('lost', 35, false), told('t2', 60, false)],
      };
      expect(brokenPromises(history)).not.toEqual([]);
      expect(survivingPart(history).lost).toEqual([lost]);
      expect(brokenPromises(survivingPart(history).part)).toEqual([]);
    });
  });

  it('catches reads that go back', () => {
    const commits = [1, 2].map((version) => ({ person: 'p', version, text: `t${version}` }));
    const read = (text: string, tick: number) => ({
      person: 'p',
      node: 'n',
      text,
      sent: tick,
      sentMs: tick,
      answered: tick + 1,
    });
    const history: History = {
      writes: [],
      commits,
      reads: [read('t2', 10), read('t1', 20)],
      told: [],
      staleMs: 1000,
    };
    expect(brokenPromises(history)).toEqual(['p at n reads t1 after t2']);
  });
});
