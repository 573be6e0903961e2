import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Deadlines } from '../../src/presence/deadlines.ts';
import { ManualClock, START } from '../helpers/clock.ts';

describe('deadlines', () => {
  it('calls each key once, at its last set time, to the millisecond', () => {
    const clock = new ManualClock();
    const fired: [string, number][] = [];
    using deadlines = new Deadlines<string>(clock, (key) => fired.push([key, clock.now() - START]));
    deadlines.set('a', START + 100);
    deadlines.set('b', START + 50);
    deadlines.set('a', START + 20);
    deadlines.set('c', START + 30);
    deadlines.set('c', null);
    deadlines.set('d', Infinity);
    expect(deadlines.size).toBe(2);
    clock.advance(19);
    expect(fired).toEqual([]);
    clock.advance(1000);
    expect(fired).toEqual([
      ['a', 20],
      ['b', 50],
    ]);
    expect(deadlines.size).toBe(0);
  });

  it('lets a key be set anew while it fires, and fires what is overdue at once', () => {
    const clock = new ManualClock();
    const fired: number[] = [];
    using deadlines = new Deadlines<string>(clock, (key) => {
      fired.push(clock.now() - START);
      if (fired.length < 3) deadlines.set(key, clock.now() + 10);
    });
    deadlines.set('a', START - 5);
    clock.advance(100);
    expect(fired).toEqual([0, 10, 20]);
  });

  it('is silent once disposed', () => {
    const clock = new ManualClock();
    const fired: string[] = [];
    const deadlines = new Deadlines<string>(clock, (key) => fired.push(key));
    deadlines.set('a', START + 1);
    deadlines[Symbol.dispose]();
    clock.advance(10);
    expect(fired).toEqual([]);
  });

  it('agrees with a plain map over random histories', () => {
    const step = fc.record({
      key: fc.integer({ min: 0, max: 20 }),
      at: fc.option(fc.integer({ min: 0, max: 200 })),
      wait: fc.integer({ min: 0, max: 20 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const clock = new ManualClock();
        const plain = new Map<number, number>();
        const [fired, expected]: [string[], string[]] = [[], []];
        using deadlines = new Deadlines<number>(clock, (key) => fired.push(`${key} ${clock.now()}`));
        for (const { key, at, wait } of steps) {
          const time = at === null ? null : Math.max(clock.now() + 1, START + at);
          deadlines.set(key, time);
          if (time === null) plain.delete(key);
          else plain.set(key, time);
          clock.advance(wait);
          for (const [due, when] of plain) {
            if (when > clock.now()) continue;
            expected.push(`${due} ${when}`);
            plain.delete(due);
          }
        }
        expect(fired.sort()).toEqual(expected.sort());
        expect(deadlines.size).toBe(plain.size);
      }),
    );
  });
});
