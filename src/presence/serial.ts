import { BridgeError } from './errors.ts';

/** What a refused caller is told to wait, ms. */
const RETRY_AFTER_MS = 1000;

interface Line {
  readonly tail: Promise<unknown>;
  /** Turns that have not ended. */
  readonly length: number;
}

/** Runs tasks of one key one after the other, tasks of different keys side by side. Holds nothing when idle. */
export class Serial<Key> {
  readonly #lines = new Map<Key, Line>();

  /** Throws what the task throws, and `overloaded` when `limit` turns of the key have not ended; without it all may wait. */
  async run<T>(key: Key, task: () => Promise<T>, limit = Infinity): Promise<T> {
    const before = this.#lines.get(key);
    const length = (before?.length ?? 0) + 1;
    if (length > limit) throw new BridgeError('overloaded', '', { retryAfterMs: RETRY_AFTER_MS });
    const turn = before ? before.tail.then(task, task) : task();
    this.#lines.set(key, { tail: turn, length });
    try {
      return await turn;
    } finally {
      this.#leave(key);
    }
  }

  #leave(key: Key): void {
    const line = this.#lines.get(key);
    if (line && line.length > 1) this.#lines.set(key, { ...line, length: line.length - 1 });
    else this.#lines.delete(key);
  }
}
