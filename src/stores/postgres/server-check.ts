import type { Client } from 'pg';
import type { StoreLogger } from '../logger.ts';
import { StoreRefused } from '../refused.ts';

/** PostgreSQL 14, as `server_version_num` has it. */
const OLDEST_SERVER = 140_000;

interface ServerSettings {
  readonly version: string;
  readonly encoding: string;
  readonly fsync: string;
  readonly commit: string;
  readonly prepared: string;
}

/**
 * Tells the operator what a server does not promise. Throws `StoreRefused` when it cannot be used; `place` names it there.
 * With several primaries, commits that span them need room for prepared transactions.
 */
export async function checkServer(
  client: Client,
  place: string,
  isOneOfMany: boolean,
  logger: StoreLogger,
): Promise<void> {
  const { rows } = await client.query<ServerSettings>(
    `SELECT current_setting('server_version_num') AS version, current_setting('server_encoding') AS encoding,
       current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit,
       current_setting('max_prepared_transactions') AS prepared`,
  );
  for (const { version, encoding, fsync, commit, prepared } of rows) {
    const refuse = (problem: string, advice: string): never => {
      throw new StoreRefused(place, problem, advice);
    };
    if (Number(version) < OLDEST_SERVER) refuse('this PostgreSQL is older than 14', 'Upgrade the server');
    if (encoding !== 'UTF8') refuse(`the database has the encoding ${encoding}`, 'Make one with UTF8');
    if (isOneOfMany && prepared === '0') {
      const advice = 'Set its max_prepared_transactions to 20 and restart it';
      refuse('it keeps no prepared transactions, which several primaries need', advice);
    }
    if (fsync === 'off') logger.warn(`${place}: fsync is off; a crash of the machine may ruin the database`);
    if (commit === 'off') {
      logger.warn(`${place}: synchronous_commit is off; a crash may lose the last acknowledged changes`);
    }
  }
}
