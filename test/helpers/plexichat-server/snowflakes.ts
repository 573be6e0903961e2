import type { Clock } from '../../../src/presence/clock.ts';

/** 2024-01-01T00:00:00Z in ms. */
const EPOCH = 1_704_067_200_000;
/** Datacenter 1, worker 1. */
const ORIGIN = (1n << 17n) | (1n << 12n);

/** Ids as the server makes them: the time in the upper bits, never twice the same. */
export class Snowflakes {
  readonly #clock: Clock;
  #last = 0n;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  next(): string {
    const now = (BigInt(this.#clock.now() - EPOCH) << 22n) | ORIGIN;
    this.#last = now > this.#last ? now : this.#last + 1n;
    return this.#last.toString();
  }
}
