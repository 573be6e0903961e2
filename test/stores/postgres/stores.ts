import { onTestFinished } from 'vitest';
import { systemClock } from '../../../src/presence/clock.ts';
import type { PostgresStoreOptions } from '../../../src/stores/postgres/open-store.ts';
import { migrate } from '../../../src/stores/postgres/migrate.ts';
import { openPostgresStore } from '../../../src/stores/postgres/open-store.ts';
import type { PostgresStore } from '../../../src/stores/postgres/postgres-store.ts';
import { connect, Primary, TIMEOUTS } from '../../../src/stores/postgres/primary.ts';
import { testLogger } from '../data-folder.ts';
import type { TestServer } from './cluster.ts';

/** A node over these databases, closed after the test. */
export async function openNode(
  shards: readonly string[],
  options: Partial<PostgresStoreOptions> = {},
): Promise<PostgresStore> {
  const store = await openPostgresStore({
    shards,
    connections: 4,
    clock: systemClock,
    logger: testLogger(),
    ...options,
  });
  onTestFinished(() => store[Symbol.asyncDispose]());
  return store;
}

/** A primary with today's schema and nothing in it, closed after the test. */
export async function newHome(server: TestServer): Promise<{ url: string; home: Primary }> {
  const url = await server.newDatabase();
  const options = { url, name: 'test', timeouts: TIMEOUTS };
  const client = await connect(options);
  await migrate(client, url);
  await client.end();
  const home = new Primary({ ...options, id: 'home', place: 'home', connections: 4, logger: testLogger() });
  onTestFinished(() => home[Symbol.asyncDispose]());
  return { url, home };
}
