import type { Clock } from '../../src/presence/clock.ts';

/** 2026-01-01T00:00:00Z in ms. */
export const START = 1_767_225_600_000;

/** A clock that stands still until a test turns it. */
export class ManualClock implements Clock {
  #now: number;

  constructor(start = START) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  /** Turns the clock forward by `ms`. */
  advance(ms: number): void {
    this.#now += ms;
  }
}
