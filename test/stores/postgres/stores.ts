import { onTestFinished } from 'vitest';
import { systemClock } from '../../../src/presence/clock.ts';
import type { PostgresStoreOptions } from '../../../src/stores/postgres/open-store.ts';
import { openPostgresStore } from '../../../src/stores/postgres/open-store.ts';
import type { PostgresStore } from '../../../src/stores/postgres/postgres-store.ts';
import { testLogger } from '../data-folder.ts';

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
