import type { Client as PgClient, ClientConfig, PoolClient, QueryResultRow } from 'pg';
import { Client, DatabaseError, Pool } from 'pg';
import { BridgeError } from '../../presence/errors.ts';
import type { StoreLogger } from '../logger.ts';
import { ELSEWHERE, OVERTAKEN, SCHEMA } from './schema.ts';

/** How long a primary may take, ms. What takes longer has an outcome that nobody here knows. */
export interface Timeouts {
  /** To connect, or to wait for a free connection. */
  readonly connect: number;
  /** For one statement, by the server's clock, waiting for locks included. */
  readonly statement: number;
}

export const TIMEOUTS: Timeouts = { connect: 3_000, statement: 5_000 };

/** What a server that keeps its statement timeout may take beyond it, ms; one that hangs keeps nothing. */
const NETWORK_MS = 1_000;
/** The most statements that may wait for a connection. */
const WAITING_LIMIT = 10_000;
/** What a refused caller is told to wait, ms. */
const RETRY_AFTER_MS = 1_000;
const KEEP_ALIVE_MS = 10_000;
const IDLE_MS = 60_000;

/** SQLSTATE of a server that takes no writes, because it is a standby now. */
const READ_ONLY = '25006';
export const UNIQUE_VIOLATION = '23505';
export const UNDEFINED_OBJECT = '42704';

export interface ConnectionOptions {
  readonly url: string;
  /** What the server shows of us in its list of connections. */
  readonly name: string;
  readonly timeouts: Timeouts;
}

/** What a server may answer in everyday life: such an answer is no trouble of the server's. */
const EXPECTED: readonly (string | null)[] = [ELSEWHERE, OVERTAKEN, UNIQUE_VIOLATION, UNDEFINED_OBJECT];

export interface PrimaryOptions extends ConnectionOptions {
  /** Which primary this is, whatever its URL. */
  readonly id: string;
  /** Names it to an operator, without secrets. */
  readonly place: string;
  /** The most connections, besides those of `connect`. */
  readonly connections: number;
  readonly logger: StoreLogger;
}

/** One PostgreSQL server that takes writes, or whatever stands behind its URL now. It is reached anew after every loss. */
export class Primary implements AsyncDisposable {
  readonly id: string;
  /** Names it to an operator, without secrets. */
  readonly place: string;
  readonly #options: PrimaryOptions;
  readonly #pool: Pool;
  #failing = false;

  constructor(options: PrimaryOptions) {
    this.id = options.id;
    this.place = options.place;
    this.#options = options;
    this.#pool = new Pool({
      ...clientConfig(options),
      max: options.connections,
      idleTimeoutMillis: IDLE_MS,
      // eslint-disable-next-line @typescript-eslint/no-misused-promises -- the pool waits for it
      onConnect: (client) => prepareSession(client, options.timeouts),
    });
    // A connection that breaks while nobody uses it is simply gone.
    this.#pool.on('error', () => undefined);
  }

  /**
   * Runs one statement in a transaction of its own. Throws `overloaded` when too many wait, and `store_unavailable`
   * for whatever else goes wrong, with the cause: see `sqlState`.
   */
  async query<Row extends QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    if (this.#pool.waitingCount >= WAITING_LIMIT) {
      throw new BridgeError('overloaded', '', { retryAfterMs: RETRY_AFTER_MS });
    }
    return this.#watch(() => this.#use(async (client) => (await client.query<Row>(text, [...values])).rows));
  }

  /** Runs several statements on one connection, and then drops it if they failed. Errors as `query`. */
  async session<T>(work: (client: PgClient) => Promise<T>): Promise<T> {
    return this.#watch(() => this.#use(work));
  }

  /** A connection of the caller's own, who hears its `error` and ends it. Errors as `query`. */
  async connect(): Promise<PgClient> {
    return this.#watch(() => connect(this.#options));
  }

  /** Waits for statements under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.end();
  }

  async #use<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect();
    const broken = () => undefined; // whoever waits for an answer is told by it
    client.on('error', broken);
    try {
      const result = await work(client);
      client.release();
      return result;
    } catch (error) {
      client.release(isRefusal(error) ? undefined : true);
      throw error;
    } finally {
      client.off('error', broken);
    }
  }

  /** Tells the operator when the primary stops answering, and when it answers again. */
  async #watch<T>(work: () => Promise<T>): Promise<T> {
    const { logger } = this.#options;
    try {
      const result = await work();
      if (this.#failing) logger.info(`${this.place}: the store answers again`);
      this.#failing = false;
      return result;
    } catch (cause) {
      if (!EXPECTED.includes(sqlState(cause))) {
        if (!this.#failing)
          logger.error({ err: cause }, `${this.place}: the store does not answer as it should`);
        this.#failing = true;
      }
      throw new BridgeError('store_unavailable', '', { cause });
    }
  }
}

/** Connects, and makes the session ours. Throws what the driver throws. */
export async function connect(options: ConnectionOptions): Promise<PgClient> {
  const client = new Client(clientConfig(options));
  const broken = () => undefined; // until the caller listens; whoever waits for an answer is told by it
  client.on('error', broken);
  try {
    await client.connect();
    await prepareSession(client, options.timeouts);
    return client;
  } catch (error) {
    await client.end().catch(broken);
    throw error;
  }
}

/** Names what a client connects to, without secrets. */
export function placeOf({ host, port, database }: PgClient): string {
  return `${host}:${port}/${database ?? ''}`;
}

/** The SQLSTATE of the server's refusal behind an error; null when there was none. */
export function sqlState(error: unknown): string | null {
  return refusalIn(error)?.code ?? null;
}

/** Whether the server has refused one statement, and is otherwise well: then nothing was changed. */
export function isRefusal(error: unknown): boolean {
  const refusal = refusalIn(error);
  return refusal?.severity === 'ERROR' && refusal.code !== READ_ONLY;
}

/** Which rule of the schema a change has broken; null when it was none. */
export function brokenRule(error: unknown): string | null {
  return refusalIn(error)?.constraint ?? null;
}

function refusalIn(error: unknown): DatabaseError | null {
  const cause = error instanceof BridgeError ? error.cause : error;
  return cause instanceof DatabaseError ? cause : null;
}

function clientConfig({ url, name, timeouts }: ConnectionOptions): ClientConfig {
  return {
    connectionString: url,
    application_name: name,
    connectionTimeoutMillis: timeouts.connect,
    query_timeout: timeouts.statement + NETWORK_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
  };
}

/** Settings that nobody who made the database or the role can have changed for us. Throws on a standby. */
async function prepareSession(client: Pick<PgClient, 'query'>, { statement }: Timeouts): Promise<void> {
  await client.query(`
    SET search_path = ${SCHEMA}, pg_temp;
    SET statement_timeout = ${statement};
    SET lock_timeout = ${statement};
    SET idle_in_transaction_session_timeout = ${statement};
    SET default_transaction_isolation = 'read committed';
    SET jit = off
  `);
  const { rows } = await client.query<{ standby: boolean }>('SELECT pg_is_in_recovery() AS standby');
  if (rows[0]?.standby !== false) throw new Error('this server is a standby; it takes no writes');
}
