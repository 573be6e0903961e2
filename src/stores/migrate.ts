import type { Clock } from '../presence/clock.ts';
import type { StoreLogger } from './logger.ts';
import { takeAlone } from './postgres/maintenance.ts';
import { openPrimaries } from './postgres/open-store.ts';
import { postgresSource } from './postgres/transfer-source.ts';
import { postgresTarget } from './postgres/transfer-target.ts';
import { openSqliteSource } from './sqlite/transfer-source.ts';
import { openSqliteTarget } from './sqlite/transfer-target.ts';
import type { TableReport, TransferWatcher } from './transfer/transfer.ts';
import { transfer } from './transfer/transfer.ts';

/** Servers are given all the time they need: the rows of a table are sorted, ms. */
const TIMEOUTS = { connect: 3_000, statement: 3_600_000 };

export interface MigrateOptions {
  /** What is copied to the other. */
  readonly from: 'sqlite' | 'postgres';
  /** The data folder. */
  readonly path: string;
  /** A connection URL for each primary. */
  readonly shards: readonly string[];
  readonly clock: Clock;
  readonly logger: StoreLogger;
  readonly watcher: TransferWatcher;
}

/**
 * Copies a store to one of the other kind that is empty, or goes on with what an earlier attempt began. Throws
 * `StoreRefused` when either must not be used or the copy is not what it should be.
 */
export async function migrateStore(options: MigrateOptions): Promise<TableReport[]> {
  const { from, path, shards, clock, logger, watcher } = options;
  const settings = { shards, connections: 1, logger, timeouts: TIMEOUTS };
  const primaries = await openPrimaries(settings, 'plexibridge: migrate');
  try {
    await using sessions = await takeAlone(primaries, clock, logger);
    if (from === 'sqlite') {
      await using source = await openSqliteSource(path, logger);
      return await transfer(source, await postgresTarget(primaries, sessions, source.mark), watcher);
    }
    const source = await postgresSource(primaries, sessions);
    await using target = openSqliteTarget(path, source.mark);
    return await transfer(source, target, watcher);
  } finally {
    await Promise.all(primaries.map((primary) => primary[Symbol.asyncDispose]()));
  }
}
