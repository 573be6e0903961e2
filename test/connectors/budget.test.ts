import { getEventListeners } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Window } from '../../src/connectors/budget.ts';
import { Budget } from '../../src/connectors/budget.ts';
import { START } from '../helpers/clock.ts';
import { settled } from '../helpers/settled.ts';
import { WatchedClock } from './watched-clock.ts';

function setUp(windows: readonly Window[], maxWaiting = 100) {
  const clock = new WatchedClock();
  return { clock, budget: new Budget({ windows, maxWaiting, clock }) };
}

describe('a budget', () => {
  it('allows as many as the limit in any window, to the millisecond', () => {
    const { clock, budget } = setUp([{ limit: 2, windowMs: 100 }]);
    expect(budget.take()).toBe(true);
    clock.advance(30);
    expect(budget.wait()).toBe(0);
    expect(budget.take()).toBe(true);
    expect(budget.take()).toBe(false);
    expect(budget.wait()).toBe(70);
    clock.advance(69);
    expect(budget.take()).toBe(false);
    clock.advance(1);
    expect(budget.take()).toBe(true);
    expect(budget.wait()).toBe(30);
  });

  it('holds all windows at once', () => {
    const { clock, budget } = setUp([
      { limit: 2, windowMs: 100 },
      { limit: 3, windowMs: 1000 },
    ]);
    budget.take();
    budget.take();
    expect(budget.wait()).toBe(100);
    clock.advance(100);
    budget.take();
    expect(budget.wait()).toBe(900);
    clock.advance(900);
    expect(budget.take()).toBe(true);
    expect(budget.take()).toBe(true);
    expect(budget.wait()).toBe(100);
  });

  it('agrees with a list of all takes over random histories', () => {
    const window = fc.record({
      limit: fc.integer({ min: 1, max: 8 }),
      windowMs: fc.integer({ min: 1, max: 60 }),
    });
    const history = fc.tuple(
      fc.array(window, { minLength: 1, maxLength: 3 }),
      fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 120 }),
    );
    fc.assert(
      fc.property(history, ([windows, waits]) => {
        const { clock, budget } = setUp(windows);
        const takes: number[] = [];
        for (const wait of waits) {
          clock.advance(wait);
          const now = clock.now();
          const allowed = windows.every(
            ({ limit, windowMs }) => takes.filter((take) => take > now - windowMs).length < limit,
          );
          expect(budget.wait() === 0).toBe(allowed);
          expect(budget.take()).toBe(allowed);
          if (allowed) takes.push(now);
        }
      }),
    );
  });

  it('counts a whole day of ten thousand', () => {
    const { clock, budget } = setUp([
      { limit: 120, windowMs: 60_000 },
      { limit: 10_000, windowMs: 86_400_000 },
    ]);
    let taken = 0;
    for (let minute = 0; minute < 100; minute++) {
      while (budget.take()) taken++;
      clock.advance(60_000);
    }
    expect(taken).toBe(10_000);
    expect(budget.wait()).toBe(86_400_000 - 100 * 60_000);
    clock.advance(budget.wait());
    while (budget.take()) taken++;
    expect(taken).toBe(10_120);
  });

  it('gives turns in order, with one timer for all', async () => {
    const { clock, budget } = setUp([{ limit: 2, windowMs: 100 }]);
    const log: string[] = [];
    for (let name = 0; name < 6; name++) {
      void budget.turn().then(() => log.push(`${name} ${clock.now() - START}`));
    }
    await settled();
    expect(log).toEqual(['0 0', '1 0']);
    expect([budget.waiting, clock.timers]).toEqual([4, 1]);
    clock.advance(99);
    await settled();
    expect(log).toHaveLength(2);
    clock.advance(1);
    await settled();
    expect(log).toEqual(['0 0', '1 0', '2 100', '3 100']);
    clock.advance(100);
    await settled();
    expect(log.slice(4)).toEqual(['4 200', '5 200']);
    expect([budget.waiting, clock.timers]).toEqual([0, 0]);
  });

  it('lets nobody pass those who wait', async () => {
    const { clock, budget } = setUp([{ limit: 1, windowMs: 100 }]);
    const log: string[] = [];
    budget.take();
    void budget.turn().then(() => log.push('waited'));
    // Turned forward without its timers: somebody asks before the timer of those who wait fires.
    clock.back = -100;
    expect(budget.take()).toBe(false);
    void budget.turn().then(() => log.push('late'));
    await settled();
    expect(log).toEqual(['waited']);
    expect(budget.waiting).toBe(1);
  });

  it('gives those who asked first their turn first although both have it at once', async () => {
    const { clock, budget } = setUp([{ limit: 2, windowMs: 100 }]);
    const log: string[] = [];
    budget.take();
    budget.take();
    void budget.turn().then(() => log.push('waited'));
    clock.back = -100;
    void budget.turn().then(() => log.push('late'));
    await settled();
    expect(log).toEqual(['waited', 'late']);
  });

  it('refuses who comes when too many wait, and says how long', async () => {
    const { clock, budget } = setUp([{ limit: 1, windowMs: 100 }], 1);
    await budget.turn();
    const waiting = budget.turn();
    clock.advance(40);
    await expect(budget.turn()).rejects.toMatchObject({ code: 'overloaded', retryAfterMs: 60 });
    clock.advance(60);
    await expect(waiting).resolves.toBeUndefined();
  });

  it('forgets who gave up, without a take', async () => {
    const { clock, budget } = setUp([{ limit: 1, windowMs: 100 }], 2);
    await budget.turn();
    const reason = new Error('given up');
    const control = new AbortController();
    const [first, second] = [budget.turn(control.signal), budget.turn()];
    control.abort(reason);
    await expect(first).rejects.toBe(reason);
    expect(budget.waiting).toBe(1);
    clock.advance(100);
    await expect(second).resolves.toBeUndefined();
    await expect(budget.turn(control.signal)).rejects.toBe(reason);
    clock.advance(100);
    expect(budget.take()).toBe(true);
  });

  it('keeps its turn who is aborted only after it came', async () => {
    const { clock, budget } = setUp([{ limit: 1, windowMs: 100 }]);
    await budget.turn();
    const control = new AbortController();
    const turn = budget.turn(control.signal);
    expect(getEventListeners(control.signal, 'abort')).toHaveLength(1);
    clock.advance(100);
    expect(getEventListeners(control.signal, 'abort')).toEqual([]);
    control.abort();
    await expect(turn).resolves.toBeUndefined();
  });

  it('gives nothing before the server said, to those who wait neither', async () => {
    const { clock, budget } = setUp([{ limit: 1, windowMs: 100 }]);
    const log: number[] = [];
    await budget.turn();
    void budget.turn().then(() => log.push(clock.now() - START));
    budget.drain(250);
    budget.drain(10);
    expect(budget.wait()).toBe(250);
    clock.advance(249);
    await settled();
    expect(log).toEqual([]);
    expect(clock.timers).toBe(1);
    clock.advance(1);
    await settled();
    expect(log).toEqual([250]);
  });

  it('goes on when the clock is turned back', () => {
    const { clock, budget } = setUp([{ limit: 1, windowMs: 100 }]);
    budget.take();
    clock.advance(10);
    expect(budget.wait()).toBe(90);
    clock.back = 5_000_000;
    expect(budget.wait()).toBe(90);
    clock.advance(90);
    expect(budget.take()).toBe(true);
    clock.advance(100);
    expect(budget.take()).toBe(true);
  });

  it('sends everybody away once disposed', async () => {
    const { clock, budget } = setUp([{ limit: 1, windowMs: 100 }]);
    await budget.turn();
    const waiting = budget.turn();
    budget[Symbol.dispose]();
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
    await expect(budget.turn()).rejects.toMatchObject({ name: 'AbortError' });
    expect([budget.waiting, clock.timers]).toEqual([0, 0]);
  });
});
