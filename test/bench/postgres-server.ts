import type * as OpenStore from '../../src/stores/postgres/open-store.ts';
import type * as Clock from '../../src/presence/clock.ts';
import { silentLogger } from '../helpers/logger.ts';
import { BINARIES } from '../stores/postgres/binaries.ts';
import { startServer } from '../stores/postgres/cluster.ts';
import type { Bench } from './bench.ts';
import { built } from './built.ts';
import { peopleRows } from './world.ts';

/** Processes of a server that stay: not the one that is asked, nor those that clean up now and then. */
const LASTING = `SELECT pid FROM pg_stat_activity
  WHERE pid <> pg_backend_pid() AND backend_type IN ('client backend', 'walwriter', 'checkpointer', 'background writer')`;

/** A server with a database of so many people, and the settings of a bridge over it; null where there is no PostgreSQL. */
export async function requirePostgres(bench: Bench, people: number) {
  if (BINARIES === null) return null;
  const server = await startServer({ fsync: 'on', shared_buffers: '256MB', max_wal_size: '4GB' });
  bench.onEnd(async () => server[Symbol.asyncDispose]());
  await server.query('CREATE DATABASE bench');
  const shard = server.url('bench');
  const { openPostgresStore } = await built<typeof OpenStore>('stores/postgres/open-store.js');
  const { systemClock: clock } = await built<typeof Clock>('presence/clock.js');
  const store = await openPostgresStore({ shards: [shard], connections: 4, clock, logger: silentLogger });
  try {
    for (const rows of peopleRows(people)) await store.commit(rows);
  } finally {
    await store[Symbol.asyncDispose]();
  }
  const pids = async (): Promise<number[]> => (await server.query(LASTING)).map(({ pid }) => Number(pid));
  const env = {
    PLEXIBRIDGE__STORE__PATH: undefined,
    PLEXIBRIDGE__STORE__KIND: 'postgres',
    PLEXIBRIDGE__STORE__SHARDS: shard,
  };
  return { env, url: shard, pids };
}
