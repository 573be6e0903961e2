import type { Clock } from '../presence/clock.ts';
import { Deadlines } from '../presence/deadlines.ts';
import { BridgeError } from '../presence/errors.ts';
import type { Backoff } from './backoff.ts';

/** The least wait after the budget had no room for another waiter, ms. */
const LULL_MS = 1000;

/** Stands for all keys where a deadline is about none in particular. */
const ALL = Symbol('all');

/** `retryInMs`: not before then, ms from now; 0 when the server did not say. */
export type SendResult = { readonly done: true } | { readonly done: false; readonly retryInMs: number };

/** `replaced`: a newer item of the key came before this one was sent. `failed`: it is tried again unless so replaced. */
export type PushEvent = 'sent' | 'failed' | 'replaced';

export interface PushQueueOptions<Key, Item> {
  readonly clock: Clock;
  /** Waited for before each send; rejects with `overloaded` when too many wait there. */
  readonly budget: { turn(signal: AbortSignal): Promise<void> };
  /** The most sends at once. */
  readonly concurrency: number;
  /** A new one for each key whose send fails. */
  readonly backoff: () => Backoff;
  /** `{ done: true }` also for what is not worth another try. Should not throw. */
  readonly send: (key: Key, item: Item) => Promise<SendResult>;
  /** Told of sends that threw nevertheless; they are tried again. */
  readonly report: (problem: string, error: unknown) => void;
  /** Told of each item's fate. Must not throw. */
  readonly observe?: (event: PushEvent) => void;
}

/**
 * What is still to be sent: of each key only the newest item. Sends of one key never overlap, and keys take turns in
 * the order in which they were put. It holds one item per key at most, hence needs no other bound. A failed item waits
 * for its key's backoff; a newer one takes its place there and waits no longer than it would have.
 */
export class PushQueue<Key, Item> implements AsyncDisposable {
  readonly #options: PushQueueOptions<Key, Item>;
  readonly #waiting = new Map<Key, { readonly item: Item }>();
  /** Keys of waiting items that may be sent now; the others are being sent or wait for their deadline. */
  readonly #ready = new Set<Key>();
  /** Running sends; false once the key was forgotten. */
  readonly #sending = new Map<Key, boolean>();
  readonly #backoffs = new Map<Key, Backoff>();
  readonly #deadlines: Deadlines<Key | typeof ALL>;
  /** Keys with a deadline. */
  readonly #held = new Set<Key>();
  /** Waiting for their turn in the budget. */
  #turning = 0;
  /** Ends the waiting for turns; a new one after each pause. */
  #turns = new AbortController();
  #state: 'running' | 'lull' | 'paused' | 'disposed' = 'running';
  #idle: (() => void)[] = [];

  constructor(options: PushQueueOptions<Key, Item>) {
    this.#options = options;
    this.#deadlines = new Deadlines(options.clock, (key) => {
      if (key === ALL) this.#state = 'running';
      else this.#release(key);
      this.#pump();
    });
  }

  /** Items that wait; those that are being sent do not count. */
  get size(): number {
    return this.#waiting.size;
  }

  /** Sends the item as soon as possible, in place of any of this key that still waits. Ignored once disposed. */
  put(key: Key, item: Item): void {
    if (this.#state === 'disposed') return;
    if (this.#waiting.has(key)) this.#options.observe?.('replaced');
    this.#waiting.set(key, { item });
    if (!this.#sending.has(key) && !this.#held.has(key)) this.#ready.add(key);
    this.#pump();
  }

  /** Drops what waits of this key, and its backoff. A send that runs is not stopped, but never tried again. */
  forget(key: Key): void {
    this.#waiting.delete(key);
    this.#ready.delete(key);
    this.#backoffs.delete(key);
    this.#release(key);
    if (this.#sending.has(key)) this.#sending.set(key, false);
    this.#settle();
  }

  /** Begins no send until `resume`; what runs goes on. */
  pause(): void {
    if (this.#state === 'paused' || this.#state === 'disposed') return;
    this.#state = 'paused';
    this.#deadlines.set(ALL, null);
    this.#turns.abort();
  }

  /** After a pause: everything may be sent at once, without regard to backoffs. Else does nothing. */
  resume(): void {
    if (this.#state !== 'paused') return;
    this.#state = 'running';
    this.#turns = new AbortController();
    this.#backoffs.clear();
    for (const key of this.#held) this.#release(key);
    this.#pump();
  }

  /** Resolves once nothing waits and nothing is being sent. */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#idle.push(resolve);
      this.#settle();
    });
  }

  /** Drops what waits; resolves once the running sends have ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#state = 'disposed';
    this.#turns.abort();
    this.#deadlines[Symbol.dispose]();
    this.#waiting.clear();
    this.#ready.clear();
    await this.idle();
  }

  #pump(): void {
    const { concurrency } = this.#options;
    while (
      this.#state === 'running' &&
      this.#turning < this.#ready.size &&
      this.#turning + this.#sending.size < concurrency
    ) {
      void this.#push();
    }
  }

  /** Waits for a turn and sends what is first in line by then. */
  async #push(): Promise<void> {
    const { signal } = this.#turns;
    this.#turning++;
    const problem = await this.#options.budget.turn(signal).then(
      () => null,
      (error: unknown) => ({ error }),
    );
    this.#turning--;
    if (problem && !signal.aborted) this.#lull(problem.error);
    const [next] = this.#ready;
    if (!problem && next !== undefined && this.#state === 'running') await this.#sendNext(next);
    this.#pump();
    this.#settle();
  }

  async #sendNext(key: Key): Promise<void> {
    const entry = this.#waiting.get(key);
    this.#ready.delete(key);
    if (!entry) return;
    this.#waiting.delete(key);
    this.#sending.set(key, true);
    const result = await this.#attempt(key, entry.item);
    const wanted = this.#sending.get(key) === true;
    this.#sending.delete(key);
    if (this.#state === 'disposed') return;
    if (result.done) this.#backoffs.delete(key);
    else if (wanted && !this.#waiting.has(key)) this.#waiting.set(key, entry);
    if (!this.#waiting.has(key)) return;
    if (result.done) this.#ready.add(key);
    else this.#holdBack(key, result.retryInMs);
  }

  async #attempt(key: Key, item: Item): Promise<SendResult> {
    const { send, report, observe } = this.#options;
    try {
      const result = await send(key, item);
      observe?.(result.done ? 'sent' : 'failed');
      return result;
    } catch (error) {
      report('a push failed unexpectedly', error);
      observe?.('failed');
      return { done: false, retryInMs: 0 };
    }
  }

  #holdBack(key: Key, retryInMs: number): void {
    const backoff = this.#backoffs.get(key) ?? this.#options.backoff();
    this.#backoffs.set(key, backoff);
    this.#held.add(key);
    this.#deadlines.set(key, this.#options.clock.now() + backoff.next(retryInMs));
  }

  #release(key: Key): void {
    this.#held.delete(key);
    this.#deadlines.set(key, null);
    if (this.#waiting.has(key)) this.#ready.add(key);
  }

  /** The budget has no room for waiters: nobody asks again for a while. */
  #lull(error: unknown): void {
    if (this.#state !== 'running') return;
    const overloaded = error instanceof BridgeError && error.code === 'overloaded';
    if (!overloaded) this.#options.report('a push got no turn', error);
    this.#state = 'lull';
    const wait = Math.max(LULL_MS, overloaded ? (error.retryAfterMs ?? 0) : 0);
    this.#deadlines.set(ALL, this.#options.clock.now() + wait);
  }

  #settle(): void {
    if (this.#waiting.size > 0 || this.#sending.size > 0) return;
    const idle = this.#idle;
    this.#idle = [];
    for (const resolve of idle) resolve();
  }
}
