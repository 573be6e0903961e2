import type { Clock } from './clock.ts';

interface Entry<Key> {
  readonly key: Key;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/**
 * At most one deadline for each of any number of keys, and one timer for all of them: a heap from which entries that
 * were overtaken by a later `set` are dropped when they surface.
 */
export class Deadlines<Key> implements Disposable {
  readonly #clock: Clock;
  readonly #due: (key: Key) => void;
  readonly #current = new Map<Key, Entry<Key>>();
  #heap: Entry<Key>[] = [];
  #disposed = false;
  #timer: { readonly at: number; readonly handle: Disposable } | null = null;

  /** `due` is called once for a deadline that has passed, after it was forgotten. */
  constructor(clock: Clock, due: (key: Key) => void) {
    this.#clock = clock;
    this.#due = due;
  }

  /** Keys with a deadline. */
  get size(): number {
    return this.#current.size;
  }

  /** Keys with a deadline, in no order. */
  keys(): Iterable<Key> {
    return this.#current.keys();
  }

  /** Sets the key's deadline, in ms since 1970, in place of any before; null takes it away. */
  set(key: Key, at: number | null): void {
    if (this.#disposed || this.#current.get(key)?.at === at) return;
    if (at === null || at === Infinity) {
      this.#current.delete(key);
      return;
    }
    const entry = { key, at };
    this.#current.set(key, entry);
    this.#push(entry);
    if (this.#heap.length > 2 * this.#current.size + 64) this.#dropOvertaken();
    this.#arm();
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#timer?.handle[Symbol.dispose]();
    this.#timer = null;
    this.#current.clear();
    this.#heap = [];
  }

  #arm(): void {
    const first = this.#heap[0];
    if (!first || (this.#timer && this.#timer.at <= first.at)) return;
    this.#timer?.handle[Symbol.dispose]();
    const wait = Math.max(0, first.at - this.#clock.now());
    this.#timer = { at: first.at, handle: this.#clock.after(wait, () => this.#fire()) };
  }

  #fire(): void {
    this.#timer = null;
    const now = this.#clock.now();
    for (let first = this.#heap[0]; first && first.at <= now; first = this.#heap[0]) {
      this.#pop();
      if (this.#current.get(first.key) !== first) continue;
      this.#current.delete(first.key);
      this.#due(first.key);
    }
    this.#arm();
  }

  #dropOvertaken(): void {
    // A sorted array is a heap.
    this.#heap = [...this.#current.values()].sort((a, b) => a.at - b.at);
  }

  #push(entry: Entry<Key>): void {
    const heap = this.#heap;
    let child = heap.push(entry) - 1;
    while (child > 0) {
      const parent = (child - 1) >> 1;
      const above = heap[parent];
      if (!above || above.at <= entry.at) break;
      heap[child] = above;
      child = parent;
    }
    heap[child] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let parent = 0;
    for (;;) {
      let child = 2 * parent + 1;
      const [left, right] = [heap[child], heap[child + 1]];
      if (!left) break;
      const smaller = right && right.at < left.at ? right : left;
      if (smaller === right) child++;
      if (last.at <= smaller.at) break;
      heap[parent] = smaller;
      parent = child;
    }
    heap[parent] = last;
  }
}
