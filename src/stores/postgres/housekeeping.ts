import type { Clock } from '../../presence/clock.ts';
import type { StoreLogger } from '../logger.ts';
import type { Primary } from './primary.ts';
import type { SharedBuckets } from './shared-buckets.ts';

/** Between two rounds, ms; a lane of the outbox is ten minutes long. */
const ROUND_MS = 60_000;

export interface HousekeepingOptions {
  readonly primaries: readonly Pick<Primary, 'id' | 'query'>[];
  readonly buckets: () => Iterable<Pick<SharedBuckets, 'purge'>>;
  readonly clock: Clock;
  readonly logger: StoreLogger;
}

/** Throws away what is of no use any more: changes that every node has heard of, and rate limits that are full again. */
export class Housekeeping implements AsyncDisposable {
  readonly #options: HousekeepingOptions;
  #timer: Disposable | null = null;
  #running: Promise<void>;
  #over = false;

  constructor(options: HousekeepingOptions) {
    this.#options = options;
    this.#running = this.#round();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over = true;
    this.#timer?.[Symbol.dispose]();
    await this.#running;
  }

  async #round(): Promise<void> {
    const { primaries, buckets, clock, logger } = this.#options;
    for (const primary of primaries) {
      await primary
        .query('SELECT empty_next_lane()')
        .catch((err: unknown) => logger.error({ err }, `old changes stay at primary ${primary.id} for now`));
    }
    for (const each of buckets()) {
      await each.purge().catch((err: unknown) => logger.error({ err }, 'old rate limits stay for now'));
    }
    if (!this.#over) this.#timer = clock.after(ROUND_MS, () => this.#again());
  }

  #again(): void {
    this.#running = this.#round();
  }
}
