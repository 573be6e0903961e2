import type { Client } from 'pg';
import { StoreRefused } from '../refused.ts';
import { MIGRATION_LOCK, MIGRATIONS, SCHEMA } from './schema.ts';

/**
 * Brings a database to today's schema, in one transaction that changes all or nothing; whoever comes second waits. Throws
 * `StoreRefused` when it was made by a newer program, else what the driver throws. `place` names it to an operator.
 */
export async function migrate(
  client: Client,
  place: string,
  migrations: readonly string[] = MIGRATIONS,
): Promise<void> {
  await client.query('BEGIN');
  await client.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
  const version = await readVersion(client);
  if (version > migrations.length) {
    const problem = `it was written by a newer plexibridge (schema ${version}; this one knows ${migrations.length})`;
    throw new StoreRefused(place, problem, 'Start that version or a later one');
  }
  for (const step of migrations.slice(version)) await client.query(step);
  if (version < migrations.length) {
    await client.query(`UPDATE schema_version SET version = ${migrations.length}`);
  }
  await client.query('COMMIT');
}

/** 0 where there is nothing yet; makes the place for it. */
async function readVersion(client: Client): Promise<number> {
  const found = await client.query('SELECT FROM pg_namespace WHERE nspname = $1', [SCHEMA]);
  // Asked first: where the schema is there already, the right to make one is not needed.
  if (found.rowCount === 0) await client.query(`CREATE SCHEMA ${SCHEMA}`);
  await client.query('CREATE TABLE IF NOT EXISTS schema_version (version int NOT NULL)');
  const { rows } = await client.query<{ version: number }>('SELECT version FROM schema_version');
  if (rows[0]) return rows[0].version;
  await client.query('INSERT INTO schema_version VALUES (0)');
  return 0;
}
