import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { StoreLogger } from '../logger.ts';
import { StoreRefused } from '../refused.ts';
import { OWN_KEYS } from '../transfer/progress.ts';
import type { TransferReader, TransferSource } from '../transfer/store.ts';
import { TABLE_NAMES } from '../transfer/tables.ts';
import type { Database } from './database.ts';
import { openReader, prepare } from './database.ts';
import { LOG_FILE, STATE_FILE } from './folder.ts';
import { openSqliteStore } from './open-store.ts';
import type { SqliteStore } from './sqlite-store.ts';
import { transferReader } from './transfer-reader.ts';

/** Tells this store from others, wherever its folder is; made when it is first asked for. */
const STORE_KEY = `${OWN_KEYS}id`;

/** A data folder to copy from; nobody else can open it meanwhile. Throws `StoreRefused`. */
export async function openSqliteSource(
  path: string,
  logger: StoreLogger,
): Promise<TransferSource & AsyncDisposable> {
  const logFile = join(path, LOG_FILE);
  if (!existsSync(logFile)) throw new StoreRefused(logFile, 'there is no such file', 'Check the path');
  const store = await openSqliteStore({ path, logger });
  try {
    await store.fold();
    const id = await identify(store);
    const [log, state] = [openReader(logFile), openReader(join(path, STATE_FILE))];
    const reader = transferReader(path, log, state);
    const position = await positionOf(path, reader, log, state);
    return {
      ...reader,
      mark: { store: id, position },
      [Symbol.asyncDispose]: async () => {
        log.close();
        state.close();
        await store[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await store[Symbol.asyncDispose]();
    throw error;
  }
}

async function identify(store: SqliteStore): Promise<string> {
  const known = await store.meta(STORE_KEY);
  if (known !== null) return known;
  const id = randomUUID();
  await store.commit([{ row: 'meta', key: STORE_KEY, value: id }]);
  return id;
}

/** The newest row of the log, and how much the directory holds. Throws where the state lacks some of the log. */
async function positionOf(
  path: string,
  reader: TransferReader,
  log: Database,
  state: Database,
): Promise<string> {
  const end = prepare<{ seq: number }>(log, 'SELECT coalesce(max(seq), 0) AS seq FROM log').get()?.seq ?? 0;
  const folded = prepare<{ folded: number }>(state, 'SELECT folded FROM progress').get()?.folded ?? 0;
  if (folded < end) throw new StoreRefused(path, 'its log could not be folded', 'See to the disk');
  const counts: number[] = [];
  for (const table of TABLE_NAMES) counts.push(await reader.count(table));
  return [end, ...counts].join(' ');
}
