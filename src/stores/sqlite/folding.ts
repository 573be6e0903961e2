import type { Calls } from './worker-calls.ts';
import type { StoreLogger } from '../logger.ts';
import type { FoldRequest } from './fold-worker.ts';
import type { Records } from './records.ts';

export interface FoldLimits {
  /** Changed people after which a fold begins by itself. */
  readonly foldPeople: number;
  /** The longest a change waits for its fold, ms. */
  readonly foldEveryMs: number;
}

export interface FoldingOptions {
  readonly records: Records;
  readonly startWorker: () => Promise<Calls<FoldRequest, unknown>>;
  readonly limits: FoldLimits;
  readonly logger: StoreLogger;
  /** The newest row of the log, and the newest one in the state. */
  readonly seq: number;
  readonly folded: number;
}

/** Moves the log into the state from time to time. Nothing depends on when, or on whether it works: the log is the truth. */
export class Folding implements AsyncDisposable {
  readonly #options: FoldingOptions;
  readonly #timer: NodeJS.Timeout;
  #worker: Calls<FoldRequest, unknown> | null = null;
  #running: Promise<void> = Promise.resolve();
  #seq: number;
  #folded: number;
  /** Changed people after which the next fold begins. */
  #threshold: number;

  constructor(options: FoldingOptions) {
    this.#options = options;
    this.#seq = options.seq;
    this.#folded = options.folded;
    this.#threshold = options.limits.foldPeople;
    this.#timer = setInterval(() => void this.fold(), options.limits.foldEveryMs).unref();
  }

  /** The newest row of the log. */
  get seq(): number {
    return this.#seq;
  }

  /** The newest row that the state holds. */
  get folded(): number {
    return this.#folded;
  }

  /** Called when the records of a row are committed and visible. */
  committed(seq: number): void {
    this.#seq = seq;
    if (this.#options.records.dirty < this.#threshold) return;
    this.#threshold = Infinity;
    void this.fold();
  }

  /** Folds all that is committed by now. A failure is logged and tried again later. */
  fold(): Promise<void> {
    this.#running = this.#running.then(() => this.#fold());
    return this.#running;
  }

  /** Folds the rest. Rejects when the state could not be closed in good order. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.fold();
    await this.#worker?.[Symbol.asyncDispose]();
  }

  async #fold(): Promise<void> {
    const { records, startWorker, limits, logger } = this.#options;
    if (records.dirty === 0) return;
    const upTo = this.#seq;
    records.beginFold();
    try {
      this.#worker ??= await startWorker();
      await this.#worker.call(upTo);
      records.endFold(true);
      this.#folded = upTo;
    } catch (err) {
      records.endFold(false);
      logger.error(
        { err },
        'the log could not be folded into the state; nothing is lost, it will be tried again',
      );
    }
    this.#threshold = records.dirty + limits.foldPeople;
  }
}
