import type { Clock } from '../../../src/presence/clock.ts';

export interface Standing {
  readonly allowed: boolean;
  readonly limit: number;
  readonly remaining: number;
  /** Until the window opens again, ms. */
  readonly resetAfter: number;
}

/** A limit per key. Looking is free; only `take` counts. */
export interface Window {
  look(key: string): Standing;
  take(key: string): void;
}

/** At most `limit` in any `ms`. */
export class SlidingWindow implements Window {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #ms: number;
  readonly #taken = new Map<string, number[]>();

  constructor(clock: Clock, limit: number, ms: number) {
    this.#clock = clock;
    this.#limit = limit;
    this.#ms = ms;
  }

  look(key: string): Standing {
    const now = this.#clock.now();
    const taken = this.#taken.get(key) ?? [];
    const open = taken.findIndex((at) => now - at < this.#ms);
    taken.splice(0, open === -1 ? taken.length : open);
    return {
      allowed: taken.length < this.#limit,
      limit: this.#limit,
      remaining: Math.max(0, this.#limit - taken.length),
      resetAfter: (taken[0] ?? now) + this.#ms - now,
    };
  }

  take(key: string): void {
    const taken = this.#taken.get(key) ?? [];
    taken.push(this.#clock.now());
    this.#taken.set(key, taken);
  }
}

/** At most `limit` in each `ms` that starts with the first one taken. */
export class FixedWindow implements Window {
  readonly #clock: Clock;
  readonly #limit: number;
  readonly #ms: number;
  readonly #windows = new Map<string, { readonly start: number; count: number }>();

  constructor(clock: Clock, limit: number, ms: number) {
    this.#clock = clock;
    this.#limit = limit;
    this.#ms = ms;
  }

  look(key: string): Standing {
    const now = this.#clock.now();
    const window = this.#open(key);
    const count = window?.count ?? 0;
    return {
      allowed: count < this.#limit,
      limit: this.#limit,
      remaining: Math.max(0, this.#limit - count),
      resetAfter: (window?.start ?? now) + this.#ms - now,
    };
  }

  take(key: string): void {
    const window = this.#open(key);
    if (window) window.count += 1;
    else this.#windows.set(key, { start: this.#clock.now(), count: 1 });
  }

  #open(key: string) {
    const window = this.#windows.get(key);
    return window && this.#clock.now() - window.start < this.#ms ? window : undefined;
  }
}

/** `rate` per second with a reserve of `capacity`. */
export class TokenBucket implements Window {
  readonly #clock: Clock;
  readonly #rate: number;
  readonly #capacity: number;
  readonly #levels = new Map<string, { readonly at: number; readonly level: number }>();

  constructor(clock: Clock, rate: number, capacity: number) {
    this.#clock = clock;
    this.#rate = rate;
    this.#capacity = capacity;
  }

  look(key: string): Standing {
    const level = this.#level(key);
    return {
      allowed: level >= 1,
      limit: this.#capacity,
      remaining: Math.floor(level),
      resetAfter: (Math.max(0, 1 - level) / this.#rate) * 1000,
    };
  }

  take(key: string): void {
    this.#levels.set(key, { at: this.#clock.now(), level: this.#level(key) - 1 });
  }

  #level(key: string): number {
    const entry = this.#levels.get(key);
    if (!entry) return this.#capacity;
    const gained = ((this.#clock.now() - entry.at) / 1000) * this.#rate;
    return Math.min(this.#capacity, entry.level + gained);
  }
}
