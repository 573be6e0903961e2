import type { Clock } from '../../presence/clock.ts';
import { BridgeError } from '../../presence/errors.ts';
import { updateOf } from '../../protocols/matrix/appservice.ts';
import { Backoff } from '../backoff.ts';
import { Budget } from '../budget.ts';
import type { Homeserver } from './homeserver.ts';
import { HomeserverFault } from './homeserver-fault.ts';
import { perSecond } from './per-second.ts';
import type { Received, Reporting } from './reporting.ts';

/** Users read at a time. */
const CONCURRENCY = 2;
/** How often a user is tried whose presence cannot be read, while others can. */
const TRIES = 5;
/** Between tries, ms. */
const BACKOFF = { firstMs: 1000, maxMs: 60_000 };

export interface CatchUpOptions {
  readonly homeserver: Pick<Homeserver, 'presence'>;
  /** Every user of whom the homeserver could have told the bridge, each once. Errors as in the store. */
  readonly users: () => AsyncIterable<string>;
  readonly reporting: Pick<Reporting, 'take'>;
  readonly readsPerSecond: number;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly metrics: { received(outcome: Received): void };
  /** Told when the homeserver does not answer as it should. Must not throw. */
  readonly onTrouble: () => void;
  /** Must not throw. */
  readonly report: (problem: string, error: unknown) => void;
}

/**
 * Reads how everybody is whenever the homeserver may have told it in vain: homeservers keep no presence for application
 * services that cannot be reached. One round at a time; rounds never pile up.
 */
export class CatchUp implements AsyncDisposable {
  readonly #options: CatchUpOptions;
  readonly #budget: Budget;
  /** Between reads, and between rounds. */
  readonly #readBackoff: Backoff;
  readonly #roundBackoff: Backoff;
  /** Of whom a transaction told since the round began. */
  readonly #heard = new Set<string>();
  #run: AbortController | null = null;
  #working: Promise<void> = Promise.resolve();
  #due = false;
  #timer: Disposable | null = null;
  /** Whether presence is known to arrive: `mending` when other things do. */
  #delivery: 'cut' | 'mending' | 'whole' = 'cut';

  /** Reads nothing before `begin`. */
  constructor(options: CatchUpOptions) {
    const { readsPerSecond, clock, random } = options;
    this.#options = options;
    this.#budget = new Budget({ windows: [perSecond(readsPerSecond)], maxWaiting: CONCURRENCY, clock });
    this.#readBackoff = new Backoff({ ...BACKOFF, random });
    this.#roundBackoff = new Backoff({ ...BACKOFF, random });
  }

  /** The homeserver can be reached, and was not before: a round begins. */
  begin(): void {
    this.end();
    this.#delivery = 'cut';
    this.#run = new AbortController();
    this.#enqueue(this.#run.signal);
  }

  /** It cannot be reached any more: the round under way is given up. */
  end(): void {
    this.#run?.abort();
    this.#run = null;
    this.#timer?.[Symbol.dispose]();
    this.#due = false;
  }

  /** A transaction could not be carried out: a round begins, after the one under way if there is one. */
  again(): void {
    this.#delivery = 'cut';
    this.#roundSoon();
  }

  /**
   * A transaction was carried out; `ephemeral` when there was presence in it. After a loss Synapse drops presence until all that
   * it kept has arrived, without presence. So what comes first and, to be sure, the first presence begin a round.
   */
  carriedOut({ ephemeral }: { readonly ephemeral: boolean }): void {
    const before = this.#delivery;
    if (before === 'whole' || (before === 'mending' && !ephemeral)) return;
    this.#delivery = ephemeral ? 'whole' : 'mending';
    this.#roundSoon();
  }

  /** A transaction tells of this user, and is newer than what was read of her until now. */
  heard(userId: string): void {
    if (this.#run) this.#heard.add(userId);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.end();
    await this.#working;
    this.#budget[Symbol.dispose]();
  }

  #roundSoon(): void {
    if (this.#run && !this.#due) this.#enqueue(this.#run.signal);
  }

  #enqueue(signal: AbortSignal): void {
    this.#due = true;
    this.#working = this.#working.then(() => this.#work(signal));
  }

  /** Never throws. */
  async #work(signal: AbortSignal): Promise<void> {
    try {
      signal.throwIfAborted();
      this.#due = false;
      this.#timer?.[Symbol.dispose]();
      await this.#round(signal);
      this.#roundBackoff.reset();
    } catch (error) {
      if (signal.aborted) return;
      this.#options.report('not everybody could be read from the homeserver', error);
      this.#timer = this.#options.clock.after(this.#roundBackoff.next(), () => this.#roundSoon());
    }
  }

  async #round(signal: AbortSignal): Promise<void> {
    this.#heard.clear();
    const users = this.#options.users();
    const work = async () => {
      for await (const userId of users) await this.#read(userId, signal);
    };
    const done = await Promise.allSettled(Array.from({ length: CONCURRENCY }, work));
    for (const outcome of done) if (outcome.status === 'rejected') throw outcome.reason;
  }

  /** Throws what the store does, and the signal's reason. */
  async #read(userId: string, signal: AbortSignal): Promise<void> {
    for (let tries = 0; tries < TRIES;) {
      await this.#budget.turn(signal);
      if (this.#heard.has(userId)) return;
      try {
        await this.#readOnce(userId, signal);
        return;
      } catch (error) {
        if (signal.aborted || error instanceof BridgeError) throw error;
        if (!(error instanceof HomeserverFault)) {
          this.#options.report('what the homeserver says of somebody could not be taken', error);
          return;
        }
        if (error.kind === 'refused') return;
        this.#budget.drain(this.#readBackoff.next(error.retryAfterMs));
        if (error.kind === 'rate_limited') continue;
        tries++;
        this.#options.onTrouble();
      }
    }
  }

  async #readOnce(userId: string, signal: AbortSignal): Promise<void> {
    const { homeserver, reporting, clock, metrics } = this.#options;
    const content = await homeserver.presence(userId);
    this.#readBackoff.reset();
    signal.throwIfAborted();
    if (!content) return;
    const update = updateOf(userId, content);
    if (!update) {
      metrics.received('ignored');
      return;
    }
    await reporting.take(update, clock.now(), () => signal.aborted || this.#heard.has(userId));
  }
}
