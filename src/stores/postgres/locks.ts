import type { Client } from 'pg';

/** Takes an advisory lock for the life of a session, at once or not at all. Throws what the driver throws. */
export async function tryLock(client: Client, lock: number, mode: 'alone' | 'shared'): Promise<boolean> {
  const take = mode === 'alone' ? 'pg_try_advisory_lock' : 'pg_try_advisory_lock_shared';
  const { rows } = await client.query<{ taken: boolean }>(`SELECT ${take}($1) AS taken`, [lock]);
  return rows[0]?.taken === true;
}

/** What those call themselves who hold an advisory lock of this database. Throws what the driver throws. */
export async function holdersOf(client: Client, lock: number): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT coalesce(a.application_name, 'somebody') AS name FROM pg_locks l LEFT JOIN pg_stat_activity a USING (pid)
     WHERE l.locktype = 'advisory' AND l.granted AND l.classid = 0 AND l.objid = $1 AND l.objsubid = 1
       AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
    [lock],
  );
  return rows.map(({ name }) => name).toSorted();
}
