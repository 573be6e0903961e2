import type { Clock } from '../presence/clock.ts';
import { BridgeError } from '../presence/errors.ts';

/** At most `limit` takes in any stretch of `windowMs`. */
export interface Window {
  /** At least 1. */
  readonly limit: number;
  readonly windowMs: number;
}

export interface BudgetOptions {
  /** All hold at once; at least one. */
  readonly windows: readonly Window[];
  /** The most that may wait for their turn. */
  readonly maxWaiting: number;
  readonly clock: Clock;
}

/** Ends the waiting: with a turn, or without one and with this error. */
type Settle = (error?: Error) => void;

/**
 * What a server lets us send, in sliding windows. It counts the moments of sending, and requests may arrive closer
 * together than they left: leave room below the limits of the server.
 */
export class Budget implements Disposable {
  readonly #windows: readonly Window[];
  readonly #maxWaiting: number;
  readonly #clock: Clock;
  /** A ring of the newest takes, as many as the longest limit; each window looks as far back as its own limit. */
  readonly #takes: Float64Array;
  #taken = 0;
  #drainedUntil = 0;
  /** In the order of their turns. */
  readonly #waiters = new Set<Settle>();
  #timer: Disposable | null = null;
  #closed = false;
  /** Greatest time read, and what is added to the clock since it was turned back. */
  #latest = 0;
  #skew = 0;

  constructor({ windows, maxWaiting, clock }: BudgetOptions) {
    this.#windows = windows;
    this.#maxWaiting = maxWaiting;
    this.#clock = clock;
    this.#takes = new Float64Array(Math.max(...windows.map(({ limit }) => limit)));
  }

  /** How many wait for their turn. */
  get waiting(): number {
    return this.#waiters.size;
  }

  /** Until a take is possible, ms; 0 when one is now. Those who wait for their turn still go first. */
  wait(): number {
    const now = this.#now();
    const free = this.#windows.map(({ limit, windowMs }) => {
      const take = this.#taken < limit ? undefined : this.#takes[(this.#taken - limit) % this.#takes.length];
      return take === undefined ? 0 : take + windowMs - now;
    });
    return Math.max(0, this.#drainedUntil - now, ...free);
  }

  /** Takes one if one is possible and nobody else waits for it. */
  take(): boolean {
    this.#serve();
    return this.#takeNow();
  }

  /**
   * Resolves when one was taken, first come, first served. Rejects with `overloaded` at once when too many wait
   * already, with the signal's reason once that aborts, and with AbortError once the budget is disposed.
   */
  turn(signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.reject(reasonOf(signal));
    if (this.#closed) return Promise.reject(closed());
    if (this.take()) return Promise.resolve();
    if (this.#waiters.size >= this.#maxWaiting) {
      return Promise.reject(new BridgeError('overloaded', '', { retryAfterMs: this.wait() }));
    }
    return this.#enqueue(signal);
  }

  /** The server said that it takes nothing for `ms` from now. What it said before holds if that was longer. */
  drain(ms: number): void {
    this.#drainedUntil = Math.max(this.#drainedUntil, this.#now() + ms);
  }

  /** Sends everybody away who waits. */
  [Symbol.dispose](): void {
    this.#closed = true;
    this.#timer?.[Symbol.dispose]();
    this.#timer = null;
    for (const settle of this.#waiters) settle(closed());
  }

  #enqueue(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (error?: Error) => {
        signal?.removeEventListener('abort', abort);
        this.#waiters.delete(settle);
        if (error) reject(error);
        else resolve();
      };
      const abort = () => settle(reasonOf(signal));
      signal?.addEventListener('abort', abort);
      this.#waiters.add(settle);
      this.#arm();
    });
  }

  #serve(): void {
    for (const settle of this.#waiters) {
      if (!this.#takeNow()) return;
      settle();
    }
  }

  #takeNow(): boolean {
    if (this.wait() > 0) return false;
    this.#takes[this.#taken % this.#takes.length] = this.#now();
    this.#taken++;
    return true;
  }

  #arm(): void {
    if (this.#timer || this.#waiters.size === 0) return;
    this.#timer = this.#clock.after(this.wait(), () => {
      this.#timer = null;
      this.#serve();
      this.#arm();
    });
  }

  /** The clock, but never turned back: a take in the future would block its window for longer than it lasts. */
  #now(): number {
    const now = this.#clock.now() + this.#skew;
    if (now < this.#latest) this.#skew += this.#latest - now;
    this.#latest = Math.max(this.#latest, now);
    return this.#latest;
  }
}

function reasonOf(signal: AbortSignal | undefined): Error {
  return signal?.reason instanceof Error ? signal.reason : new DOMException('Given up', 'AbortError');
}

function closed(): DOMException {
  return new DOMException('The budget is closed', 'AbortError');
}
