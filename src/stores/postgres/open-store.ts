import { randomBytes } from 'node:crypto';
import type { Clock } from '../../presence/clock.ts';
import type { StoreLogger } from '../logger.ts';
import { refuseUnfinished, TRANSFER_KEY } from '../transfer/progress.ts';
import { directoryReader } from './directory-reader.ts';
import { DirectoryWriter } from './directory-writer.ts';
import type { Terms } from './duties.ts';
import { TERMS } from './duties.ts';
import { follow } from './follow.ts';
import type { FeedMetrics } from './metrics.ts';
import { UNMEASURED } from './metrics.ts';
import { migrate } from './migrate.ts';
import { PostgresStore } from './postgres-store.ts';
import type { Timeouts } from './primary.ts';
import { connect, Primary, placeOf, TIMEOUTS } from './primary.ts';
import { RecordsAt } from './records.ts';
import { Retention } from './retention.ts';
import { checkServer } from './server-check.ts';
import type { Candidate } from './set-up.ts';
import { setUp } from './set-up.ts';
import { ServingLocks } from './serving-locks.ts';
import { ShardMap } from './shard-map.ts';
import { BucketKinds } from './shared-buckets.ts';
import { Recovery } from './two-phase.ts';

/** How long a start may wait for another node that is changing the schema, ms. */
const MIGRATION_MS = 60_000;

export interface PrimariesOptions {
  /** A connection URL for each primary; the first becomes home when all are new. */
  readonly shards: readonly string[];
  /** The most connections to each primary, besides the one that listens. */
  readonly connections: number;
  readonly logger: StoreLogger;
  readonly timeouts?: Timeouts;
}

export interface PostgresStoreOptions extends PrimariesOptions {
  readonly clock: Clock;
  /** The most reads, and the most writes, that may wait for those under way. */
  readonly queueLimit?: number;
  /** The most records remembered, and answers of the directory of each kind. */
  readonly cacheSize?: number;
  /** What the feed tells of itself; nobody by default. */
  readonly metrics?: FeedMetrics;
  /** How long duties last. */
  readonly terms?: Terms;
}

/**
 * Opens the store of a bridge, and makes it where the databases are empty. Throws `StoreRefused` when they must not be
 * used as they are, and what the driver throws when one cannot be reached.
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<PostgresStore> {
  const node = randomBytes(9).toString('base64url');
  const primaries = await openPrimaries(options, `plexibridge ${node}`);
  try {
    const serving = await ServingLocks.take({ ...options, primaries });
    try {
      const [home] = primaries;
      refuseUnfinished(await directoryReader(home).meta(TRANSFER_KEY), home.place);
      return await openNode(options, node, primaries, serving);
    } catch (error) {
      await serving[Symbol.asyncDispose]();
      throw error;
    }
  } catch (error) {
    await Promise.all(primaries.map((primary) => primary[Symbol.asyncDispose]()));
    throw error;
  }
}

/** Puts a node together; `home` comes first. */
async function openNode(
  options: PostgresStoreOptions,
  node: string,
  [home, ...others]: readonly [Primary, ...Primary[]],
  serving: ServingLocks,
): Promise<PostgresStore> {
  const { clock, logger, queueLimit = 10_000, cacheSize = 100_000 } = options;
  const { metrics = UNMEASURED, terms = TERMS } = options;
  const primaries = [home, ...others];
  const buckets = new BucketKinds({ home, queueLimit });
  const recovery = new Recovery({ home, others, clock, logger });
  const purge = () => buckets.purge();
  const standing = new Map<string, () => AsyncDisposable>([
    ['retention', () => new Retention({ primaries, node, purge, clock, logger })],
    ...(others.length === 0 ? [] : [['two-phase', () => recovery.start()] as const]),
  ]);
  const { records, directory, commits, cluster } = follow({
    home,
    primaries,
    node,
    standing,
    terms,
    cacheSize,
    metrics,
    logger,
    clock,
  });
  const map = new ShardMap(home, new Map(primaries.map((primary) => [primary.id, primary])), clock);
  const recordsAt = new Map(
    primaries.map((primary) => {
      return [primary, new RecordsAt({ primary, node, view: records, commits, queueLimit })];
    }),
  );
  await map.load();
  if (others.length > 0) await recovery.look();
  return new PostgresStore({
    map,
    recordsAt,
    writer: new DirectoryWriter({ home, node, commits }),
    records,
    directory,
    cluster,
    buckets,
    release: async () => {
      for (const parts of [[cluster, buckets], recordsAt.values(), [serving], primaries]) {
        await Promise.all([...parts].map((part) => part[Symbol.asyncDispose]()));
      }
    },
  });
}

/** Makes all databases ready, and answers them, home first. */
export async function openPrimaries(
  options: PrimariesOptions,
  name: string,
): Promise<readonly [Primary, ...Primary[]]> {
  const { shards, connections, logger, timeouts = TIMEOUTS } = options;
  const candidates: (Candidate & { url: string })[] = [];
  try {
    for (const url of shards) {
      const client = await connect({ url, name, timeouts: { ...timeouts, statement: MIGRATION_MS } });
      candidates.push({ url, client, place: placeOf(client) });
    }
    for (const { client, place } of candidates) await checkServer(client, place, shards.length > 1, logger);
    for (const { client, place } of candidates) await migrate(client, place);
    const primaries = (await setUp(candidates)).map(({ id, place, url }) => {
      return new Primary({ id, place, url, name, connections, timeouts, logger });
    });
    const [home, ...others] = primaries;
    if (!home) throw new Error('a store needs one primary at least');
    return [home, ...others];
  } finally {
    await Promise.allSettled(candidates.map(({ client }) => client.end()));
  }
}
