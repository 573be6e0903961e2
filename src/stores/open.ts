import type { Clock } from '../presence/clock.ts';
import type { Directory } from '../presence/directory.ts';
import type { PresenceStore } from '../presence/store.ts';
import type { StoreLogger } from './logger.ts';
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

/** Opens the store that the settings name. Throws `StoreRefused` when it must not be used as it is. */
export function openStore(settings: StoreSettings, logger: StoreLogger, clock: Clock): Promise<Store> {
  const { kind, path, shards, pool } = settings;
  if (kind === 'sqlite') return openSqliteStore({ path, logger });
  return openPostgresStore({ shards, connections: pool, logger, clock });
}
