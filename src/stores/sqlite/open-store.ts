import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { StoreLogger } from '../logger.ts';
import { decodeRecord } from '../record-codec.ts';
import { StoreRefused } from '../refused.ts';
import { writeCleanMark } from './clean-mark.ts';
import type { Database } from './database.ts';
import { openReader, prepare } from './database.ts';
import { directoryReader } from './directory-reader.ts';
import { RESTORE_ADVICE } from './file-check.ts';
import { FILES, LOG_FILE, prepareFolder, STATE_FILE } from './folder.ts';
import { lockFolder } from './folder-lock.ts';
import type { FoldFiles } from './fold-worker.ts';
import type { FoldLimits } from './folding.ts';
import { Folding } from './folding.ts';
import { decodeBody } from './log-body.ts';
import { Records } from './records.ts';
import { Remembered } from './remembered.ts';
import type { SqliteParts } from './sqlite-store.ts';
import { SqliteStore } from './sqlite-store.ts';
import { refusePart } from './transfer-reader.ts';
import { startWorker } from './worker-calls.ts';

export interface SqliteStoreOptions extends Partial<FoldLimits> {
  /** The data folder; made when it is missing. */
  readonly path: string;
  readonly logger: StoreLogger;
  /** Records remembered beyond those not yet folded. */
  readonly cacheSize?: number;
  /** The most changes that may wait for a commit. */
  readonly queueLimit?: number;
  /** Records folded in one transaction. */
  readonly foldChunk?: number;
}

/** Opens or makes a store. Throws `StoreRefused`, with the files as they were, when it must not be used as it is. */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<SqliteStore> {
  return new SqliteStore(await openParts(options));
}

export async function openParts(options: SqliteStoreOptions): Promise<SqliteParts> {
  const { path, logger, cacheSize = 100_000, queueLimit = 10_000, foldChunk = 5_000 } = options;
  const { foldPeople = 100_000, foldEveryMs = 30_000 } = options;
  const files: FoldFiles = { log: join(path, LOG_FILE), state: join(path, STATE_FILE), chunk: foldChunk };
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const lock = lockFolder(path);
  try {
    prepareFolder(path);
    const [log, state] = [openReader(files.log), openReader(files.state)];
    refusePart(log, path);
    const records = new Records(state, cacheSize);
    const progress = replay(path, log, state, records);
    return {
      records,
      directory: new Remembered(directoryReader(log)),
      log: await startWorker('log-worker', files.log),
      folding: new Folding({
        ...progress,
        records,
        logger,
        limits: { foldPeople, foldEveryMs },
        startWorker: () => startWorker('fold-worker', files),
      }),
      logger,
      queueLimit,
      markClean: () => writeCleanMark(path, FILES),
      release: () => {
        log.close();
        state.close();
        lock[Symbol.dispose]();
      },
    };
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

/** Takes in what the log holds beyond the state. Throws `StoreRefused` when the two do not fit together. */
function replay(
  path: string,
  log: Database,
  state: Database,
  records: Records,
): { seq: number; folded: number } {
  const ends = prepare<{ first: number | null; last: number | null }>(
    log,
    'SELECT min(seq) AS first, max(seq) AS last FROM log',
  ).get();
  const progress = prepare<{ folding: number; folded: number }>(state, 'SELECT * FROM progress').get();
  const [seq, folded] = [ends?.last ?? 0, progress?.folded ?? 0];
  if ((progress?.folding ?? 0) > seq || (ends?.first ?? 0) > folded + 1) {
    const problem = `${LOG_FILE} and ${STATE_FILE} are not of the same time`;
    throw new StoreRefused(path, problem, RESTORE_ADVICE);
  }
  const rows = prepare<{ seq: number; body: string }>(log, 'SELECT * FROM log WHERE seq > ? ORDER BY seq');
  for (const row of rows.all(folded)) {
    try {
      for (const [person, record] of decodeBody(row.body)) {
        records.set(person, record === null ? null : decodeRecord(record));
      }
    } catch (cause) {
      throw new StoreRefused(path, `damaged: row ${row.seq} of ${LOG_FILE}`, RESTORE_ADVICE, { cause });
    }
  }
  return { seq, folded };
}
