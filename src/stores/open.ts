import { randomBytes } from 'node:crypto';
import type { Buckets, BucketLimits } from '../admission/token-buckets.ts';
import { TokenBuckets } from '../admission/token-buckets.ts';
import type { Metrics } from '../metrics/metrics.ts';
import type { Clock } from '../presence/clock.ts';
import type { Cluster } from '../presence/cluster.ts';
import { alone } from '../presence/cluster.ts';
import type { Directory } from '../presence/directory.ts';
import type { PresenceStore } from '../presence/store.ts';
import type { StoreLogger } from './logger.ts';
import { feedMetrics } from './postgres/metrics.ts';
import { openPostgresStore } from './postgres/open-store.ts';
import { openSqliteStore } from './sqlite/open-store.ts';

/** Presence and directory in one place, as every surface needs them. */
export type Store = PresenceStore & Directory & AsyncDisposable;

export interface StoreSettings {
  readonly kind: 'sqlite' | 'postgres';
  /** The data folder of the embedded store. */
  readonly path: string;
  /** A connection URL for each primary. */
  readonly shards: readonly string[];
  /** The most connections to each primary. */
  readonly pool: number;
  /** How many records are remembered. */
  readonly cache_records: number;
}

export interface OpenStoreOptions {
  readonly settings: StoreSettings;
  readonly logger: StoreLogger;
  readonly clock: Clock;
  /** What the store tells of itself goes there. */
  readonly metrics: Metrics;
}

export interface OpenedStore {
  readonly store: Store;
  /** The nodes over it. */
  readonly cluster: Cluster;
  /** Rate limits of that name that hold over all of them. */
  readonly buckets: (name: string, limits: BucketLimits) => Buckets;
}

/** Opens the store that the settings name. Throws `StoreRefused` when it must not be used as it is. */
export async function openStore({
  settings,
  logger,
  clock,
  metrics,
}: OpenStoreOptions): Promise<OpenedStore> {
  const { kind, path, shards, pool, cache_records } = settings;
  if (kind === 'postgres') {
    const store = await openPostgresStore({
      shards,
      connections: pool,
      cacheSize: cache_records,
      logger,
      clock,
      metrics: feedMetrics(metrics),
    });
    return { store, cluster: store, buckets: (name, limits) => store.buckets(name, limits) };
  }
  return {
    store: await openSqliteStore({ path, logger }),
    cluster: alone(randomBytes(9).toString('base64url')),
    buckets: (_name, limits) => new TokenBuckets(limits, clock),
  };
}
