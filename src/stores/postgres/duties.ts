import type { Clock } from '../../presence/clock.ts';
import type { StoreLogger } from '../logger.ts';
import { Bell } from './bell.ts';
import type { Primary } from './primary.ts';
import { CHANNEL } from './schema.ts';

/** How long a duty is whose, ms. */
export interface Terms {
  /** From each claim on, by the clock of the database; nobody else has it before. */
  readonly term: number;
  /** How much earlier its holder lets go where it could not claim it again: what its disposal may take. */
  readonly margin: number;
  /** Between claims. */
  readonly renewal: number;
}

export const TERMS: Terms = { term: 10_000, margin: 3_000, renewal: 3_000 };

/** Starts what tells the other nodes that a duty is to be had. */
const GIVEN_BACK = 'duty ';

export interface DutiesOptions {
  readonly home: Pick<Primary, 'query'>;
  /** This process. */
  readonly node: string;
  readonly clock: Clock;
  readonly logger: StoreLogger;
  readonly terms: Terms;
}

/** Work that one node at a time does, shared out by leases in the database. */
export class Duties implements AsyncDisposable {
  readonly #options: DutiesOptions;
  readonly #held = new Set<Duty>();
  #count = 0;

  constructor(options: DutiesOptions) {
    this.#options = options;
  }

  /** As `Cluster.hold`. */
  hold(name: string, begin: () => AsyncDisposable): AsyncDisposable {
    // Each holder has a name of its own, so that even on one node two of the same duty take turns.
    const duty = new Duty(name, `${this.#options.node} ${++this.#count}`, begin, this.#options);
    this.#held.add(duty);
    return {
      [Symbol.asyncDispose]: () => {
        this.#held.delete(duty);
        return duty[Symbol.asyncDispose]();
      },
    };
  }

  /** A primary has notified of something: perhaps that a duty was given back. */
  notified(payload: string): void {
    for (const duty of this.#held) if (payload === GIVEN_BACK + duty.name) duty.claim();
  }

  /** Gives back what is still held. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#held].map((duty) => duty[Symbol.asyncDispose]()));
  }
}

/** The time for which a duty is surely its holder's. Begun before the claim is sent, so that it ends before the claim does. */
class Term implements Disposable {
  readonly #clock: Clock;
  readonly #began: number;
  readonly #length: number;
  readonly #timer: Disposable;
  #isOver = false;

  constructor(clock: Clock, { term, margin }: Terms, ended: () => void) {
    this.#clock = clock;
    this.#began = clock.now();
    this.#length = term - margin;
    this.#timer = clock.after(this.#length, () => {
      this.#isOver = true;
      ended();
    });
  }

  /** Timers stand still with their machine, the time of day can be put back: whichever has gone further counts. */
  get isOver(): boolean {
    return this.#isOver || this.#clock.now() - this.#began >= this.#length;
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }
}

/** A wish to do some work, fulfilled from time to time. */
class Duty implements AsyncDisposable {
  readonly name: string;
  readonly #holder: string;
  readonly #begin: () => AsyncDisposable;
  readonly #options: DutiesOptions;
  /** Rung when it may be another's now, or mine. */
  readonly #changed = new Bell();
  readonly #running: Promise<void>;
  #timer: Disposable | null = null;
  #term: Term | null = null;
  /** How often it was lost without an answer that told so. */
  #lapses = 0;
  #asking: Promise<void> | null = null;
  #ending = false;
  #closed: Promise<void> | null = null;

  constructor(name: string, holder: string, begin: () => AsyncDisposable, options: DutiesOptions) {
    this.name = name;
    this.#holder = holder;
    this.#begin = begin;
    this.#options = options;
    this.#tick();
    this.#running = this.#run();
  }

  /** Claims it, for the first time or again. */
  claim(): void {
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = null;
      this.#changed.ring();
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  get #isMine(): boolean {
    return this.#term?.isOver === false;
  }

  #tick(): void {
    const { clock, terms } = this.#options;
    this.#changed.ring();
    this.claim();
    this.#timer = clock.after(terms.renewal, () => this.#tick());
  }

  async #run(): Promise<void> {
    while (!this.#ending) {
      await this.#changed.rung();
      // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- it changes while this waits
      if (this.#isMine && !this.#ending) await this.#serve();
    }
  }

  /** Does the work until the duty is lost or given back. */
  async #serve(): Promise<void> {
    const { logger } = this.#options;
    const lapses = this.#lapses;
    try {
      const work = this.#begin();
      while (this.#isMine && this.#lapses === lapses && !this.#ending) await this.#changed.rung();
      if (!this.#ending) logger.warn(`the duty ${this.name} was lost; another node will do it`);
      await work[Symbol.asyncDispose]();
    } catch (err) {
      logger.error({ err }, `the duty ${this.name} could not be done as it should`);
    }
  }

  async #ask(): Promise<void> {
    const { clock, terms, home } = this.#options;
    const term = new Term(clock, terms, () => this.#changed.ring());
    const answer = await home
      .query(
        `INSERT INTO duties AS d VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3))
         ON CONFLICT (name) DO UPDATE SET node = excluded.node, until = excluded.until
         WHERE d.node = excluded.node OR d.until < clock_timestamp() RETURNING name`,
        [this.name, this.#holder, terms.term / 1_000],
      )
      .then(
        (rows) => rows.length > 0,
        () => null, // the primary tells the operator; what was claimed before holds until it is over
      );
    if (answer === null) {
      term[Symbol.dispose]();
      return;
    }
    if (this.#term?.isOver) this.#lapses++;
    this.#term?.[Symbol.dispose]();
    this.#term = answer ? term : null;
    if (!answer) term[Symbol.dispose]();
  }

  async #close(): Promise<void> {
    this.#ending = true;
    this.#timer?.[Symbol.dispose]();
    this.#changed.ring();
    await this.#running;
    await this.#asking;
    this.#term?.[Symbol.dispose]();
    await this.#options.home
      .query(
        `WITH given AS (DELETE FROM duties WHERE name = $1 AND node = $2 RETURNING name)
         SELECT pg_notify($3, $4 || name) FROM given`,
        [this.name, this.#holder, CHANNEL, GIVEN_BACK],
      )
      .catch(() => undefined); // it ends by itself
  }
}
