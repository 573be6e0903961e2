import { LRUCache } from 'lru-cache';
import type { Clock } from '../presence/clock.ts';

export interface BucketLimits {
  /** How many may come at once. */
  readonly burst: number;
  /** How many more become possible each second. */
  readonly perSecond: number;
}

export interface BucketState {
  readonly allowed: boolean;
  readonly limit: number;
  /** Whole takes left now. */
  readonly remaining: number;
  /** Until the bucket is full again, ms. */
  readonly resetAfterMs: number;
  /** Until the next take is possible, ms; 0 when one is possible now. */
  readonly retryAfterMs: number;
}

interface Bucket {
  tokens: number;
  /** Milliseconds since 1970. */
  at: number;
}

/** A token bucket per key. */
export interface Buckets {
  /** Takes one if there is one. A refused take costs nothing. Errors as in the store, where the buckets are kept in one. */
  take(key: string): BucketState | Promise<BucketState>;
}

/** Keys remembered at once; the least recently used one is forgotten beyond it, and starts again full. */
const MAX_KEYS = 100_000;

/** The buckets of a single node. */
export class TokenBuckets implements Buckets {
  readonly #buckets = new LRUCache<string, Bucket>({ max: MAX_KEYS });
  readonly #limits: BucketLimits;
  readonly #clock: Clock;

  constructor(limits: BucketLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  take(key: string): BucketState {
    const { burst, perSecond } = this.#limits;
    const now = this.#clock.now();
    const bucket = this.#buckets.get(key) ?? { tokens: burst, at: now };
    const gained = (Math.max(0, now - bucket.at) / 1000) * perSecond;
    const tokens = Math.min(burst, bucket.tokens + gained);
    const allowed = tokens >= 1;
    const left = allowed ? tokens - 1 : tokens;
    this.#buckets.set(key, { tokens: left, at: now });
    const msUntil = (wanted: number) => Math.max(0, Math.ceil(((wanted - left) / perSecond) * 1000));
    return {
      allowed,
      limit: burst,
      remaining: Math.floor(left),
      resetAfterMs: msUntil(burst),
      retryAfterMs: msUntil(1),
    };
  }
}
