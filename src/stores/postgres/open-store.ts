import { randomBytes } from 'node:crypto';
import type { Client } from 'pg';
import type { Clock } from '../../presence/clock.ts';
import { alone } from '../../presence/cluster.ts';
import type { StoreLogger } from '../logger.ts';
import { StoreRefused } from '../refused.ts';
import { UNCACHED, UNHEARD } from './caching.ts';
import { directoryReader } from './directory-reader.ts';
import { DirectoryWriter } from './directory-writer.ts';
import { migrate } from './migrate.ts';
import { PostgresStore } from './postgres-store.ts';
import type { Timeouts } from './primary.ts';
import { connect, Primary, TIMEOUTS } from './primary.ts';
import { RecordsAt } from './records.ts';
import type { Candidate } from './set-up.ts';
import { setUp } from './set-up.ts';
import { ShardMap } from './shard-map.ts';
import { Recovery } from './two-phase.ts';

/** How long a start may wait for another node that is changing the schema, ms. */
const MIGRATION_MS = 60_000;

export interface PostgresStoreOptions {
  /** A connection URL for each primary; the first becomes home when all are new. */
  readonly shards: readonly string[];
  /** The most connections to each primary, besides the one that listens. */
  readonly connections: number;
  readonly clock: Clock;
  readonly logger: StoreLogger;
  readonly timeouts?: Timeouts;
  /** The most reads, and the most writes, that may wait for those under way. */
  readonly queueLimit?: number;
}

/**
 * Opens the store of a bridge, and makes it where the databases are empty. Throws `StoreRefused` when they must not be
 * used as they are, and what the driver throws when one cannot be reached.
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<PostgresStore> {
  const { connections, clock, logger, timeouts = TIMEOUTS, queueLimit = 10_000 } = options;
  const node = randomBytes(9).toString('base64url');
  const name = `plexibridge ${node}`;
  const urls = new Map<string, string>();
  const home = await prepare(options, name, urls);

  const primaries = new Map(
    [...urls].map(([id, url]) => [id, new Primary({ id, url, name, connections, timeouts, logger })]),
  );
  const homePrimary = primaries.get(home);
  if (!homePrimary) throw new Error('home is one of the primaries');
  const map = new ShardMap(homePrimary, primaries, clock);
  const commits = UNHEARD;
  const records = UNCACHED;
  const recordsAt = new Map(
    [...primaries.values()].map((primary) => [
      primary,
      new RecordsAt({ primary, node, view: records, commits, queueLimit }),
    ]),
  );
  const others = [...primaries.values()].filter((primary) => primary !== homePrimary);
  const recovery = new Recovery({ home: homePrimary, others, clock, logger });
  const cluster = alone(node);
  await map.load();
  const duty = others.length === 0 ? null : cluster.hold('two-phase', () => recovery.start());
  return new PostgresStore({
    map,
    recordsAt,
    writer: new DirectoryWriter({ home: homePrimary, node, commits }),
    records,
    directory: { ...directoryReader(homePrimary), changed: () => undefined, clear: () => undefined },
    cluster,
    release: async () => {
      await duty?.[Symbol.asyncDispose]();
      await Promise.all([...recordsAt.values()].map((each) => each[Symbol.asyncDispose]()));
      await Promise.all([...primaries.values()].map((each) => each[Symbol.asyncDispose]()));
    },
  });
}

/** Makes all databases ready; notes the URL of each identity, and answers that of home. */
async function prepare(
  { shards, timeouts = TIMEOUTS, logger }: PostgresStoreOptions,
  name: string,
  urls: Map<string, string>,
): Promise<string> {
  const clients: Client[] = [];
  try {
    const candidates: Candidate[] = [];
    for (const url of shards) {
      const client = await connect({ url, name, timeouts: { ...timeouts, statement: MIGRATION_MS } });
      clients.push(client);
      const place = `${client.host}:${client.port}/${client.database ?? ''}`;
      await migrate(client, place);
      await checkServer(client, place, shards.length > 1, logger);
      candidates.push({ place, client });
    }
    const { ids, home } = await setUp(candidates);
    ids.forEach((id, index) => urls.set(id, shards[index] ?? ''));
    return home;
  } finally {
    await Promise.allSettled(clients.map((client) => client.end()));
  }
}

/** What an operator should know of a server before it is relied upon. Throws `StoreRefused`. */
async function checkServer(
  client: Client,
  place: string,
  isOneOfMany: boolean,
  logger: StoreLogger,
): Promise<void> {
  const { rows } = await client.query<{ fsync: string; commit: string; prepared: string }>(
    `SELECT current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit,
       current_setting('max_prepared_transactions') AS prepared`,
  );
  const [settings] = rows;
  if (settings?.fsync === 'off')
    logger.warn(`${place}: fsync is off; a crash of its machine may ruin the database`);
  if (settings?.commit === 'off') {
    logger.warn(`${place}: synchronous_commit is off; a crash may lose the last acknowledged changes`);
  }
  if (isOneOfMany && settings?.prepared === '0') {
    const problem =
      'with several primaries the server must keep prepared transactions, and has no room for any';
    throw new StoreRefused(place, problem, 'Set max_prepared_transactions to 20 and restart it');
  }
}
