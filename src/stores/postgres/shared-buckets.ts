import { createHash } from 'node:crypto';
import type { Buckets, BucketLimits, BucketState } from '../../admission/token-buckets.ts';
import { Batcher } from '../batcher.ts';
import type { Primary } from './primary.ts';

export interface SharedBucketsOptions {
  readonly home: Pick<Primary, 'query'>;
  /** Tells the keys of one limit from those of another. */
  readonly kind: string;
  readonly limits: BucketLimits;
  /** The most takes that may wait for those under way. */
  readonly queueLimit: number;
}

interface Row {
  readonly key: string;
  readonly tokens: number;
  readonly granted: number;
}

/** A token bucket per key, the same for all nodes, by the clock of the database. Of a key it knows the digest alone. */
export class SharedBuckets implements Buckets, AsyncDisposable {
  readonly #options: SharedBucketsOptions;
  readonly #takes: Batcher<string, BucketState>;

  constructor(options: SharedBucketsOptions) {
    this.#options = options;
    this.#takes = new Batcher({ commit: (keys) => this.#take(keys), limit: options.queueLimit });
  }

  /** Takes one if there is one. A refused take costs nothing. Throws `overloaded` or `store_unavailable`. */
  take(key: string): Promise<BucketState> {
    return this.#takes.add(createHash('sha256').update(key).digest('base64url'));
  }

  /** Forgets the buckets that are full again, which is what one is that nobody knows. Errors as in `Primary`. */
  async purge(): Promise<void> {
    const { home, kind, limits } = this.#options;
    const fullAfter = limits.burst / limits.perSecond;
    if (!Number.isFinite(fullAfter)) return;
    await home.query(
      `DELETE FROM buckets WHERE kind = $1 AND at < clock_timestamp() - make_interval(secs => $2)`,
      [kind, fullAfter],
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#takes[Symbol.asyncDispose]();
  }

  async #take(keys: readonly string[]): Promise<BucketState[]> {
    const { home, kind, limits } = this.#options;
    const wanted = new Map<string, number>();
    for (const key of keys) wanted.set(key, (wanted.get(key) ?? 0) + 1);
    // Sorted, so that no two nodes wait for each other.
    const rows = await home.query<Row>('SELECT * FROM take_from_buckets($1, $2, $3, $4, $5)', [
      kind,
      [...wanted.keys()].sort(),
      [...wanted.keys()].sort().map((key) => wanted.get(key)),
      limits.burst,
      limits.perSecond,
    ]);
    const buckets = new Map(
      rows.map((row) => [row.key, { tokens: row.tokens, granted: row.granted, given: 0 }]),
    );
    return keys.map((key) => {
      const bucket = buckets.get(key);
      if (!bucket) throw new Error('a bucket was not taken from');
      const allowed = bucket.given < bucket.granted;
      if (allowed) bucket.given++;
      // Of takes in one statement each finds what those before it have left.
      return stateOf(limits, allowed, bucket.tokens + bucket.granted - bucket.given);
    });
  }
}

/** The buckets of all kinds that this node takes from. */
export class BucketKinds implements AsyncDisposable {
  readonly #options: Omit<SharedBucketsOptions, 'kind' | 'limits'>;
  readonly #kinds: SharedBuckets[] = [];

  constructor(options: Omit<SharedBucketsOptions, 'kind' | 'limits'>) {
    this.#options = options;
  }

  /** Those of one kind, for as long as this lives. */
  open(kind: string, limits: BucketLimits): SharedBuckets {
    const buckets = new SharedBuckets({ ...this.#options, kind, limits });
    this.#kinds.push(buckets);
    return buckets;
  }

  /** As `SharedBuckets.purge`. */
  async purge(): Promise<void> {
    for (const buckets of this.#kinds) await buckets.purge();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#kinds.map((buckets) => buckets[Symbol.asyncDispose]()));
  }
}

function stateOf({ burst, perSecond }: BucketLimits, allowed: boolean, left: number): BucketState {
  const msUntil = (wanted: number) => Math.max(0, Math.ceil(((wanted - left) / perSecond) * 1000));
  return {
    allowed,
    limit: burst,
    remaining: Math.floor(left),
    resetAfterMs: msUntil(burst),
    retryAfterMs: msUntil(1),
  };
}
