import type { Clock } from '../../presence/clock.ts';
import type { StoreLogger } from '../logger.ts';
import type { Primary } from './primary.ts';

/** How long a duty is a node's without another word, by the clock of the home primary, ms. */
const TTL_MS = 10_000;
/** How often it is taken anew, and asked for by those who do not have it, ms. */
const ROUND_MS = 3_000;
/** How long before its end it is given up by a node that could not take it anew, ms: time to stop what it does. */
const MARGIN_MS = 3_000;

export interface DutiesOptions {
  readonly home: Pick<Primary, 'query'>;
  /** This node in this life. */
  readonly node: string;
  readonly clock: Clock;
  readonly logger: StoreLogger;
}

/** Work that one node at a time does: whoever has it writes so down at home, again and again; see `Cluster.hold`. */
export class Duties implements AsyncDisposable {
  readonly #options: DutiesOptions;
  readonly #duties = new Set<Duty>();

  constructor(options: DutiesOptions) {
    this.#options = options;
  }

  hold(name: string, begin: () => AsyncDisposable): AsyncDisposable {
    const duty = new Duty(name, begin, this.#options);
    this.#duties.add(duty);
    return {
      [Symbol.asyncDispose]: async () => {
        this.#duties.delete(duty);
        await duty[Symbol.asyncDispose]();
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#duties].map((duty) => duty[Symbol.asyncDispose]()));
  }
}

class Duty implements AsyncDisposable {
  readonly #name: string;
  readonly #begin: () => AsyncDisposable;
  readonly #options: DutiesOptions;
  #work: AsyncDisposable | null = null;
  /** Until when the work may go on, ms since 1970 by this node's clock. */
  #until = 0;
  #deadline: Disposable | null = null;
  #next: Disposable | null = null;
  #turning: Promise<void>;
  #stopping: Promise<void> = Promise.resolve();
  #over = false;

  constructor(name: string, begin: () => AsyncDisposable, options: DutiesOptions) {
    this.#name = name;
    this.#begin = begin;
    this.#options = options;
    this.#turning = this.#turn();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over = true;
    this.#next?.[Symbol.dispose]();
    await this.#turning;
    await this.#stop();
    const { home, node } = this.#options;
    // Where it cannot be given back it runs out by itself.
    await home.query('DELETE FROM duties WHERE name = $1 AND node = $2', [this.#name, node]).catch(() => []);
  }

  /** Takes the duty if it can be had, works while it has it, and looks again later. Never rejects. */
  async #turn(): Promise<void> {
    const { clock, logger } = this.#options;
    // A process that was stopped for long must not go on as if nothing had happened.
    if (this.#work && clock.now() >= this.#until) this.#giveUp('it was not taken anew in time');
    const asked = clock.now();
    try {
      if (await this.#take()) await this.#have(asked + TTL_MS - MARGIN_MS);
      else if (this.#work) this.#giveUp('another node has it');
    } catch (err) {
      logger.error({ err }, `the duty ${this.#name} cannot be asked for`);
    }
    if (!this.#over) this.#next = clock.after(ROUND_MS, () => this.#again());
  }

  #again(): void {
    this.#turning = this.#turn();
  }

  /** It is this node's until then. */
  async #have(until: number): Promise<void> {
    const { clock, logger } = this.#options;
    await this.#stopping;
    if (this.#over || clock.now() >= until) return;
    this.#until = until;
    this.#deadline?.[Symbol.dispose]();
    this.#deadline = clock.after(until - clock.now(), () => this.#giveUp('it was not taken anew in time'));
    if (this.#work) return;
    this.#work = this.#begin();
    logger.info(`this node has the duty ${this.#name}`);
  }

  async #take(): Promise<boolean> {
    const { home, node } = this.#options;
    const rows = await home.query(
      `INSERT INTO duties VALUES ($1, $2, clock_timestamp() + make_interval(secs => $3))
       ON CONFLICT (name) DO UPDATE SET node = excluded.node, until = excluded.until
       WHERE duties.node = excluded.node OR duties.until < clock_timestamp()
       RETURNING node`,
      [this.#name, node, TTL_MS / 1000],
    );
    return rows.length > 0;
  }

  #giveUp(why: string): void {
    if (!this.#work) return;
    this.#options.logger.warn(`this node gives up the duty ${this.#name}: ${why}`);
    void this.#stop();
  }

  /** Ends the work. Never rejects. */
  async #stop(): Promise<void> {
    this.#deadline?.[Symbol.dispose]();
    this.#deadline = null;
    const work = this.#work;
    this.#work = null;
    if (work) this.#stopping = this.#end(work);
    await this.#stopping;
  }

  async #end(work: AsyncDisposable): Promise<void> {
    try {
      await work[Symbol.asyncDispose]();
    } catch (err) {
      this.#options.logger.error({ err }, `the duty ${this.#name} did not end in good order`);
    }
  }
}
