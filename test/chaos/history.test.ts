import { describe, expect, it } from 'vitest';
import type { History } from './history.ts';
import { brokenPromises } from './history.ts';
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
