import type { Clock } from '../../presence/clock.ts';
import type { StoreLogger } from '../logger.ts';
import type { Primary } from './primary.ts';

/** Between marks in each outbox, ms. */
const MARK_MS = 5_000;
/** Marks from one look at what may be forgotten to the next. */
const MARKS_A_LOOK = 12;

export interface RetentionOptions {
  readonly primaries: readonly Pick<Primary, 'query'>[];
  /** This process, as the outbox names it. */
  readonly node: string;
  /** Forgets what else is kept for a while. */
  readonly purge: () => Promise<void>;
  readonly clock: Clock;
  readonly logger: StoreLogger;
}

/**
 * What one node does by the clock for all: marks each outbox, so that every node has a young position and can tell how late
 * the feed is, and empties what is no longer needed.
 */
export class Retention implements AsyncDisposable {
  readonly #options: RetentionOptions;
  #timer: Disposable | null = null;
  #running: Promise<void> | null = null;
  #marks = 0;
  #failing = false;

  constructor(options: RetentionOptions) {
    this.#options = options;
    this.#tick();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#timer?.[Symbol.dispose]();
    this.#timer = null;
    await this.#running;
  }

  #tick(): void {
    this.#timer = this.#options.clock.after(MARK_MS, () => this.#tick());
    this.#running ??= this.#work().finally(() => (this.#running = null));
  }

  async #work(): Promise<void> {
    const { primaries, node, purge, logger } = this.#options;
    const looks = this.#marks++ % MARKS_A_LOOK === 0;
    const results = await Promise.allSettled([
      ...primaries.map(async (primary) => {
        await primary.query('SELECT FROM mark_outbox($1)', [node]);
        if (looks) await primary.query('SELECT retain_outbox(clock_timestamp())');
      }),
      ...(looks ? [purge()] : []),
    ]);
    const failure = results.find((result) => result.status === 'rejected');
    if (failure && !this.#failing)
      logger.error({ err: failure.reason }, 'old changes could not be forgotten yet');
    this.#failing = failure !== undefined;
  }
}
