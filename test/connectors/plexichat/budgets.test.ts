import { beforeEach, describe, expect, it } from 'vitest';
import { PlexichatBudgets } from '../../../src/connectors/plexichat/budgets.ts';
import { ManualClock } from '../../helpers/clock.ts';
import { settled } from '../../helpers/settled.ts';

let clock: ManualClock;
let granted: number;

beforeEach(() => {
  clock = new ManualClock();
  granted = 0;
});

function make(changes: Partial<ConstructorParameters<typeof PlexichatBudgets>[0]> = {}): PlexichatBudgets {
  return new PlexichatBudgets({
    requestsPerMinute: 110,
    requestsPerDay: 9000,
    bypass: false,
    clock,
    ...changes,
  });
}

function ask(budgets: PlexichatBudgets, count: number): void {
  for (let n = 0; n < count; n++) void budgets.turn('background').then(() => granted++);
}

/** How many had their turn by then, turning the clock to each of these seconds. */
async function grantedAt(...seconds: number[]): Promise<number[]> {
  const counts: number[] = [];
  let now = 0;
  for (const second of seconds) {
    for (; now < second; now++) {
      clock.advance(1000);
      await settled();
    }
    await settled();
    counts.push(granted);
  }
  return counts;
}

describe('background work', () => {
  it('has three quarters of what the server allows in a second, in 30 s and in a minute', async () => {
    ask(make(), 200);
    expect(await grantedAt(0, 1, 29, 30, 59, 60, 61)).toEqual([30, 45, 45, 67, 67, 97, 112]);
  });

  it('has three quarters of the configured minute and day', async () => {
    ask(make({ requestsPerMinute: 20, requestsPerDay: 100 }), 200);
    expect(await grantedAt(0, 59, 60, 240, 3600)).toEqual([15, 15, 30, 75, 75]);
    clock.advance(86_400_000);
    await settled();
    expect(granted).toBeGreaterThan(75);
  });

  it('has three quarters of the hour', async () => {
    const budgets = make();
    ask(budgets, 900);
    await grantedAt(840);
    ask(budgets, 900);
    expect(await grantedAt(1200)).toEqual([1275]);
  });

  it('is bounded by verifications alone with a bypass', async () => {
    ask(make({ requestsPerMinute: 5, requestsPerDay: 100, bypass: true }), 200);
    expect(await grantedAt(0, 59, 60)).toEqual([67, 67, 134]);
  });

  it('lets interactive calls go first, and comes after them', async () => {
    const budgets = make({ requestsPerMinute: 20 });
    for (let n = 0; n < 20; n++) await budgets.turn('interactive');
    ask(budgets, 5);
    expect(await grantedAt(59)).toEqual([0]);
    const waiting = Array.from({ length: 16 }, () => budgets.turn('interactive'));
    clock.advance(1000);
    await Promise.all(waiting);
    expect(await grantedAt(1)).toEqual([4]);
  });

  it('waits when the server said so', async () => {
    const budgets = make();
    budgets.drain(5000);
    ask(budgets, 1);
    expect(await grantedAt(4, 5)).toEqual([0, 1]);
  });

  it('is bounded', async () => {
    const budgets = make();
    ask(budgets, 1030);
    await settled();
    await expect(budgets.turn('background')).rejects.toMatchObject({ kind: 'rate_limited' });
  });
});

describe('interactive calls', () => {
  it('wait for a moment, and are refused when it would be longer than 5 s', async () => {
    const budgets = make();
    budgets.drain(5000);
    const waiting = budgets.turn('interactive');
    clock.advance(5000);
    await waiting;
    budgets.drain(5001);
    await expect(budgets.turn('interactive')).rejects.toMatchObject({ retryAfterMs: 5001 });
  });

  it('end with the budgets', async () => {
    const budgets = make();
    budgets.drain(5000);
    const waiting = [budgets.turn('interactive'), budgets.turn('background')];
    budgets[Symbol.dispose]();
    for (const each of waiting) await expect(each).rejects.toMatchObject({ name: 'AbortError' });
  });
});
