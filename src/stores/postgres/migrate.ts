import type { Client } from 'pg';
import { StoreRefused } from '../refused.ts';
import { MIGRATION_LOCK, MIGRATIONS, SCHEMA } from './schema.ts';

/** PostgreSQL 14, as `server_version_num` has it. */
const OLDEST_SERVER = 140_000;

/**
 * Brings a database to today's schema, in one transaction that changes all or nothing; whoever comes second waits. Throws
 * `StoreRefused` when it was made by a newer program or the server cannot be used, else what the driver throws.
 * `place` names the database to an operator.
 */
export async function migrate(
  client: Client,
  place: string,
  migrations: readonly string[] = MIGRATIONS,
): Promise<void> {
  await checkServer(client, place);
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

async function checkServer(client: Client, place: string): Promise<void> {
  const { rows } = await client.query<{ version: string; encoding: string }>(
    `SELECT current_setting('server_version_num') AS version, current_setting('server_encoding') AS encoding`,
  );
  if (Number(rows[0]?.version) < OLDEST_SERVER) {
    throw new StoreRefused(place, 'this PostgreSQL is older than 14', 'Upgrade the server');
  }
  if (rows[0]?.encoding !== 'UTF8') {
    const problem = `the database has the encoding ${rows[0]?.encoding}`;
    throw new StoreRefused(place, problem, 'Make one with UTF8');
  }
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
