import { LRUCache } from 'lru-cache';

export interface ReadThroughOptions<Value> {
  /** The most answers remembered; the least recently used is forgotten beyond it. */
  readonly max: number;
  /** Whether what is remembered may be answered; where not, every answer is read anew. */
  readonly believed: () => boolean;
  /** What an answer counts for against `max`; 1 by default. */
  readonly sizeOf?: (value: Value) => number;
  /** Which answers are worth remembering; all by default. */
  readonly keeps?: (value: Value) => boolean;
}

/**
 * Remembers what was read. Readers of the same key share a read that is under way, until the key is changed or forgotten:
 * whoever comes after that must not be given what was read before, and it is not remembered.
 */
export class ReadThrough<Key extends string, Value> {
  readonly #options: ReadThroughOptions<Value>;
  readonly #known: LRUCache<Key, { readonly value: Value }>;
  /** The reads under way that may still be shared and remembered. */
  readonly #flights = new Map<Key, Promise<Value>>();

  constructor(options: ReadThroughOptions<Value>) {
    const { max, sizeOf } = options;
    this.#options = options;
    this.#known = sizeOf
      ? new LRUCache({ maxSize: max, sizeCalculation: ({ value }) => sizeOf(value) })
      : new LRUCache({ max });
  }

  /** Throws what `read` throws, which is not remembered. */
  async get(key: Key, read: () => Promise<Value>): Promise<Value> {
    const known = this.#options.believed() ? this.#known.get(key) : undefined;
    if (known) return known.value;
    return this.#flights.get(key) ?? this.#depart(key, read);
  }

  /** What is remembered, believed or not. */
  peek(key: Key): Value | undefined {
    return this.#known.peek(key)?.value;
  }

  /** Remembers what somebody knows better than any read under way. */
  put(key: Key, value: Value): void {
    this.#flights.delete(key);
    this.#known.set(key, { value });
  }

  /** The next reader reads anew. */
  forget(key: Key): void {
    this.#flights.delete(key);
    this.#known.delete(key);
  }

  /** As `forget`, for those keys only that are being read. */
  forgetFlights(): void {
    this.#flights.clear();
  }

  clear(): void {
    this.#flights.clear();
    this.#known.clear();
  }

  async #depart(key: Key, read: () => Promise<Value>): Promise<Value> {
    const flight = read();
    this.#flights.set(key, flight);
    const isCurrent = () => this.#flights.get(key) === flight;
    try {
      const value = await flight;
      if (isCurrent() && (this.#options.keeps?.(value) ?? true)) this.#known.set(key, { value });
      return value;
    } finally {
      if (isCurrent()) this.#flights.delete(key);
    }
  }
}
