import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Backoff, retryAfterMs } from '../../src/connectors/backoff.ts';
import { START } from '../helpers/clock.ts';

const DAY = 86_400_000;

function waits(random: number, count: number): number[] {
  const backoff = new Backoff({ firstMs: 100, maxMs: 1000, random: () => random });
  return Array.from({ length: count }, () => backoff.next());
}

describe('a backoff', () => {
  it('doubles its bound up to the longest wait, and spreads over all below it', () => {
    expect(waits(0, 6)).toEqual([100, 100, 100, 100, 100, 100]);
    expect(waits(0.5, 6)).toEqual([150, 250, 450, 550, 550, 550]);
    expect(waits(0.999, 6)).toEqual([199, 399, 799, 999, 999, 999]);
  });

  it('starts anew after a reset', () => {
    const backoff = new Backoff({ firstMs: 100, maxMs: 1000, random: () => 0.5 });
    expect([backoff.next(), backoff.next()]).toEqual([150, 250]);
    backoff.reset();
    expect([backoff.next(), backoff.next()]).toEqual([150, 250]);
  });

  it('never comes back before the server said, and ignores what is no time', () => {
    const backoff = new Backoff({ firstMs: 100, maxMs: 1000, random: () => 0.5 });
    expect(backoff.next(5000)).toBe(5000);
    expect(backoff.next(10)).toBe(250);
    expect(backoff.next(null)).toBe(450);
    expect(backoff.next(NaN)).toBe(550);
    expect(backoff.next(Infinity)).toBe(550);
  });

  it('stays within its bounds for any number of tries', () => {
    const options = fc.record({
      firstMs: fc.integer({ min: 1, max: 5000 }),
      maxMs: fc.integer({ min: 1, max: 100_000 }),
      random: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    });
    fc.assert(
      fc.property(options, ({ firstMs, maxMs, random }) => {
        const backoff = new Backoff({ firstMs, maxMs, random: () => random });
        for (let tries = 0; tries < 1200; tries++) {
          const wait = backoff.next();
          const within = wait >= firstMs && wait <= Math.max(firstMs, maxMs);
          if (!within || !Number.isInteger(wait)) return false;
        }
        return true;
      }),
    );
  });
});

describe('what the server said about coming back', () => {
  it.each([
    ['0', 0],
    ['3', 3000],
    ['0.25', 250],
    ['Thu, 01 Jan 2026 00:00:07 GMT', 7000],
    ['Thu, 01 Jan 2026 00:00:00 GMT', 0],
    ['Wed, 31 Dec 2025 23:00:00 GMT', 0],
    ['Thursday, 01-Jan-26 00:00:07 GMT', 7000],
    ['99999999999', DAY],
    ['-5', null],
    ['1e3', null],
    ['', null],
    ['soon', null],
    ['soon GMT', null],
    ['Thu, 01 Jan 2026 00:00:07', null],
  ])('Retry-After: %s is %s ms', (text, wait) => {
    expect(retryAfterMs({ 'retry-after': text }, START)).toBe(wait);
  });

  it.each([
    [{ retry_after_ms: 300 }, 300],
    [{ retry_after_ms: 0 }, 0],
    [{ retry_after: 1.2345 }, 1235],
    [{ error: { code: 429, retry_after: 2 } }, 2000],
    [{ error: { retry_after_ms: 20 } }, 20],
    [{ retry_after: 1, retry_after_ms: 300 }, 1000],
    [{ error: 'Too many', retry_after_ms: 300 }, 300],
    [{ retry_after_ms: 1e300 }, DAY],
    [{ retry_after_ms: -1 }, null],
    [{ retry_after_ms: NaN }, null],
    [{ retry_after: '2' }, null],
    [{}, null],
    [null, null],
    ['retry_after', null],
    [[], null],
    [undefined, null],
  ])('a body of %j is %s ms', (body, wait) => {
    expect(retryAfterMs({}, START, body)).toBe(wait);
  });

  it('takes the longest where header and body differ, and the first of several headers', () => {
    expect(retryAfterMs({ 'retry-after': '1' }, START, { retry_after_ms: 300 })).toBe(1000);
    expect(retryAfterMs({ 'retry-after': '1' }, START, { retry_after: 2.5 })).toBe(2500);
    expect(retryAfterMs({ 'retry-after': ['2', '9'] }, START)).toBe(2000);
    expect(retryAfterMs({ 'retry-after': [] }, START)).toBe(null);
  });
});
