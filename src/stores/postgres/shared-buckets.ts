import { createHash } from 'node:crypto';
import type { Buckets, BucketLimits, BucketState } from '../../admission/token-buckets.ts';
import { Batcher } from '../batcher.ts';
import type { Primary } from './primary.ts';

export interface SharedBucketsOptions {
  /** What is limited; buckets of the same kind are the same on every node. */
  readonly kind: string;
  readonly limits: BucketLimits;
  readonly home: Pick<Primary, 'query'>;
  /** The most takes that may wait. */
  readonly queueLimit: number;
}

interface Row {
  readonly key: string;
  readonly taken: number;
  readonly left_over: number;
}

/**
 * Token buckets that all nodes take from, by the clock of the home primary. Keys are hashed: they may be addresses of clients.
 * After a crash of the primary they are full again.
 */
export class SharedBuckets implements Buckets, AsyncDisposable {
  readonly #options: SharedBucketsOptions;
  readonly #batcher: Batcher<string, BucketState>;

  constructor(options: SharedBucketsOptions) {
    this.#options = options;
    this.#batcher = new Batcher({ commit: (keys) => this.#takeAll(keys), limit: options.queueLimit });
  }

  /** Throws `overloaded` or `store_unavailable`. */
  take(key: string): Promise<BucketState> {
    return this.#batcher.add(createHash('sha256').update(key).digest('base64url'));
  }

  /** Forgets those that are full again. Errors as in `Primary`. */
  async purge(): Promise<void> {
    const { kind, limits, home } = this.#options;
    await home.query(
      'DELETE FROM buckets WHERE kind = $1 AND at < clock_timestamp() - make_interval(secs => $2)',
      [kind, limits.burst / limits.perSecond],
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#batcher[Symbol.asyncDispose]();
  }

  async #takeAll(keys: readonly string[]): Promise<BucketState[]> {
    const { kind, limits, home } = this.#options;
    const wanted = new Map<string, number>();
    for (const key of keys) wanted.set(key, (wanted.get(key) ?? 0) + 1);
    const rows = await home.query<Row>('SELECT * FROM take_tokens($1, $2, $3, $4, $5)', [
      kind,
      [...wanted.keys()],
      [...wanted.values()],
      limits.burst,
      limits.perSecond,
    ]);
    const found = new Map(rows.map((row) => [row.key, row]));
    const served = new Map<string, number>();
    return keys.map((key) => {
      const { taken = 0, left_over: left = 0 } = found.get(key) ?? {};
      const place = (served.get(key) ?? 0) + 1;
      served.set(key, place);
      // Of several at once the first are served; each is told what is left after it.
      return stateOf(limits, place <= taken, left + Math.max(0, taken - place));
    });
  }
}

function stateOf({ burst, perSecond }: BucketLimits, allowed: boolean, left: number): BucketState {
  const msUntil = (tokens: number) => Math.max(0, Math.ceil(((tokens - left) / perSecond) * 1000));
  return {
    allowed,
    limit: burst,
    remaining: Math.floor(left),
    resetAfterMs: msUntil(burst),
    retryAfterMs: msUntil(1),
  };
}
