import type { Clock } from '../../../src/presence/clock.ts';

/** Remembers what was computed for `ms`; 0 remembers nothing. */
export class Expiring<Value> {
  readonly #clock: Clock;
  readonly #ms: number;
  readonly #entries = new Map<string, { readonly at: number; readonly value: Value }>();

  constructor(clock: Clock, ms: number) {
    this.#clock = clock;
    this.#ms = ms;
  }

  get(key: string, compute: () => Value): Value {
    const entry = this.#entries.get(key);
    if (entry && this.#clock.now() - entry.at < this.#ms) return entry.value;
    const value = compute();
    this.set(key, value);
    return value;
  }

  set(key: string, value: Value): void {
    this.#entries.set(key, { at: this.#clock.now(), value });
  }
}
