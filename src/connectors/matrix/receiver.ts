import type { Clock } from '../../presence/clock.ts';
import type { Directory } from '../../presence/directory.ts';
import { BridgeError } from '../../presence/errors.ts';
import { Serial } from '../../presence/serial.ts';
import type { Secrets } from '../../presence/tokens.ts';
import type { PresenceUpdate } from '../../protocols/matrix/appservice.ts';
import { decodeTransaction } from '../../protocols/matrix/appservice.ts';
import type { CatchUp } from './catch-up.ts';
import type { Received, Reporting } from './reporting.ts';
import { SeenTransactions } from './seen-transactions.ts';

export interface ReceiverOptions {
  /** False: everything is answered and nothing taken. */
  readonly receive: boolean;
  readonly reporting: Pick<Reporting, 'take'>;
  /** Told of whom a transaction tells, of those that were carried out and of those that could not be. */
  readonly catchUp: Pick<CatchUp, 'heard' | 'carriedOut' | 'again'>;
  readonly directory: Pick<Directory, 'meta' | 'commit'>;
  readonly secrets: Pick<Secrets, 'hash'>;
  readonly clock: Clock;
  readonly metrics: { received(outcome: Received): void };
  /** Told of every transaction that could be read; `ephemeral` when there was presence in it. Must not throw. */
  readonly onReceived: (transaction: { readonly ephemeral: boolean }) => void;
}

/** Reports of one transaction under way at a time. */
const CONCURRENCY = 32;
/** Transactions under way and waiting; a homeserver sends one at a time. */
const MAX_WAITING = 16;

/** The homeserver's transactions, turned into reports of its users (Matrix §application services: pushing events). */
export class Receiver {
  readonly #options: ReceiverOptions;
  readonly #seen: SeenTransactions;
  readonly #turns = new Serial<'transactions'>();
  readonly #waiting = new Map<string, Promise<void>>();

  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.#seen = new SeenTransactions(options.directory);
  }

  /**
   * Resolves once all of the transaction is durable; at once for one that was carried out before. In order, one at a
   * time. Throws `bad_json`, and `overloaded` or as the store: then the homeserver has to send it again.
   */
  async receive(txnId: string, body: unknown): Promise<void> {
    const { clock, receive, metrics, onReceived, secrets, catchUp } = this.#options;
    const now = clock.now();
    const { updates, hasPresence, skipped } = decodeTransaction(body);
    onReceived({ ephemeral: hasPresence });
    for (let count = receive ? skipped : skipped + updates.length; count > 0; count--) {
      metrics.received('ignored');
    }
    if (!receive) return;
    // One that says nothing needs no memory: most have only events of rooms.
    if (updates.length === 0) {
      catchUp.carriedOut({ ephemeral: hasPresence });
      return;
    }
    // A homeserver that lost its database counts from 1 again: the number alone is no mark. What is not read here, such
    // as the age of an event, differs between repeats.
    const key = secrets.hash(JSON.stringify([txnId, updates]));
    try {
      await (this.#waiting.get(key) ?? this.#enqueue(key, updates, now));
    } catch (error) {
      catchUp.again();
      throw error;
    }
    catchUp.carriedOut({ ephemeral: hasPresence });
  }

  async #enqueue(key: string, updates: readonly PresenceUpdate[], now: number): Promise<void> {
    if (this.#waiting.size >= MAX_WAITING) throw new BridgeError('overloaded');
    const run = this.#turns.run('transactions', () => this.#carryOut(key, updates, now));
    this.#waiting.set(key, run);
    try {
      await run;
    } finally {
      this.#waiting.delete(key);
    }
  }

  async #carryOut(key: string, updates: readonly PresenceUpdate[], now: number): Promise<void> {
    if (await this.#seen.has(key)) return;
    const { reporting, catchUp } = this.#options;
    await forEach(updates, CONCURRENCY, async (update) => {
      catchUp.heard(update.sender);
      await reporting.take(update, now);
    });
    await this.#seen.add(key);
  }
}

/** Runs the task for all items, at most `limit` at a time. Throws the first error once nothing is under way any more. */
async function forEach<T>(
  items: readonly T[],
  limit: number,
  task: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const work = async () => {
    for (const item of queue) await task(item);
  };
  const done = await Promise.allSettled(Array.from({ length: Math.min(limit, items.length) }, work));
  for (const outcome of done) if (outcome.status === 'rejected') throw outcome.reason;
}
