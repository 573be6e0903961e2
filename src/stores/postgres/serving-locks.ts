import type { Client } from 'pg';
import type { Clock } from '../../presence/clock.ts';
import type { StoreLogger } from '../logger.ts';
import { StoreRefused } from '../refused.ts';
import { tryLock } from './locks.ts';
import type { Primary } from './primary.ts';
import { SERVING_LOCK } from './schema.ts';

/** Between two tries to take a lock again that was lost with its connection, ms. */
const RETRY_MS = 1_000;

export interface ServingLocksOptions {
  readonly primaries: readonly Primary[];
  readonly clock: Clock;
  readonly logger: StoreLogger;
}

/** Shows at every primary that this node serves from it, so that nobody takes the store for itself meanwhile. */
export class ServingLocks implements AsyncDisposable {
  readonly #locks: readonly ServingLock[];

  private constructor(locks: readonly ServingLock[]) {
    this.#locks = locks;
  }

  /** Throws `StoreRefused` when somebody has taken the store for itself, `store_unavailable` when a primary does not answer. */
  static async take({ primaries, clock, logger }: ServingLocksOptions): Promise<ServingLocks> {
    const locks = new ServingLocks(primaries.map((primary) => new ServingLock(primary, clock, logger)));
    try {
      for (const lock of locks.#locks) await lock.take();
      return locks;
    } catch (error) {
      await locks[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#locks.map((lock) => lock[Symbol.asyncDispose]()));
  }
}

class ServingLock implements AsyncDisposable {
  readonly #primary: Primary;
  readonly #clock: Clock;
  readonly #logger: StoreLogger;
  #client: Client | null = null;
  #retry: Disposable | null = null;
  #taking: Promise<void> = Promise.resolve();
  #closed = false;
  #refused = false;

  constructor(primary: Primary, clock: Clock, logger: StoreLogger) {
    this.#primary = primary;
    this.#clock = clock;
    this.#logger = logger;
  }

  async take(): Promise<void> {
    const client = await this.#primary.connect();
    try {
      // The server must notice soon when the machine of a node is gone.
      await client.query(
        'SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3',
      );
      if (!(await tryLock(client, SERVING_LOCK, 'shared'))) {
        throw new StoreRefused(this.#primary.place, 'a migration has it to itself', 'Wait until it is done');
      }
    } catch (error) {
      await client.end().catch(() => undefined);
      throw error;
    }
    this.#client = client;
    client.once('end', () => this.#lost(client));
    if (this.#closed) await client.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#retry?.[Symbol.dispose]();
    await this.#taking;
    await this.#client?.end().catch(() => undefined);
  }

  #lost(client: Client): void {
    if (this.#client !== client) return;
    this.#client = null;
    this.#again();
  }

  #again(): void {
    if (this.#closed) return;
    this.#retry = this.#clock.after(RETRY_MS, () => {
      this.#taking = this.#takeAgain();
    });
  }

  /** Whoever has taken the store for itself keeps everybody from writing to it, so that serving on does no harm. */
  async #takeAgain(): Promise<void> {
    try {
      await this.take();
      this.#refused = false;
    } catch (err) {
      if (err instanceof StoreRefused && !this.#refused) {
        this.#refused = true;
        this.#logger.error({ err }, 'the store is being migrated; it takes no writes meanwhile');
      }
      this.#again();
    }
  }
}
