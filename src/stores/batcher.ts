import { setImmediate } from 'node:timers/promises';
import { BridgeError } from '../presence/errors.ts';

/** What a refused writer is told to wait, ms: long enough for a full queue to drain. */
const RETRY_AFTER_MS = 1000;

export interface BatcherOptions<Item, Result> {
  /** Makes all items durable and visible, or throws and leaves no trace. Answers one result per item, in order. */
  readonly commit: (items: readonly Item[]) => Promise<readonly Result[]>;
  /** The most items that may wait while a commit runs. */
  readonly limit: number;
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: BridgeError) => void;
}

/**
 * Group commit without a timer: whatever arrives during a commit is the next batch. One commit runs at a time, and a
 * failed one is not the last: the next batch tries again.
 */
export class Batcher<Item, Result> implements AsyncDisposable {
  readonly #options: BatcherOptions<Item, Result>;
  #queue: Waiting<Item, Result>[] = [];
  #running: Promise<void> | null = null;
  #closed = false;

  constructor(options: BatcherOptions<Item, Result>) {
    this.#options = options;
  }

  /** Resolves after the commit. Throws `overloaded` when the queue is full, `store_unavailable` when the commit fails. */
  add(item: Item): Promise<Result> {
    if (this.#closed) return Promise.reject(new BridgeError('store_unavailable'));
    if (this.#queue.length >= this.#options.limit) {
      return Promise.reject(new BridgeError('overloaded', '', { retryAfterMs: RETRY_AFTER_MS }));
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({ item, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Refuses what comes later; resolves once everything accepted has been answered. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  async #run(): Promise<void> {
    while (this.#queue.length > 0) {
      await setImmediate(); // lets everybody who is ready join the batch
      const batch = this.#queue;
      this.#queue = [];
      await this.#commit(batch);
    }
    this.#running = null;
  }

  async #commit(batch: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      const results = await this.#options.commit(batch.map(({ item }) => item));
      results.forEach((result, index) => batch[index]?.resolve(result));
    } catch (cause) {
      for (const { reject } of batch) reject(new BridgeError('store_unavailable', '', { cause }));
    }
  }
}
