import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { StoreRefused } from '../refused.ts';
import type { Progress, SourceMark } from '../transfer/progress.ts';
import { continueFrom, noteOf, progressOf, TRANSFER_KEY } from '../transfer/progress.ts';
import type { Page, TransferReader, TransferTarget } from '../transfer/store.ts';
import type { TableName } from '../transfer/tables.ts';
import { TABLES } from '../transfer/tables.ts';
import type { Database, SqlValue } from './database.ts';
import { checkpoint, openWriter, prepare, transaction } from './database.ts';
import { LOG_FILE, prepareFolder, STATE_FILE } from './folder.ts';
import { LOCK_FILE, lockFolder } from './folder-lock.ts';
import { createFile, DRAFT, LOG, STATE } from './schema.ts';
import { transferReader } from './transfer-reader.ts';

/** As of a restored backup: a log that begins later than at row 1 is never taken for whole without its state. */
const BEGUN = 2;

const NOTE = 'INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value';

/** A new data folder to copy into, or one of an earlier attempt. Throws `StoreRefused` where it holds anything else. */
export function openSqliteTarget(path: string, source: SourceMark): TransferTarget & AsyncDisposable {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const lock = lockFolder(path);
  try {
    makeFiles(path, source);
    const [log, state] = [openWriter(join(path, LOG_FILE)), openWriter(join(path, STATE_FILE))];
    const note = prepare<{ value: string }>(log, 'SELECT value FROM meta WHERE key = ?').get(TRANSFER_KEY);
    if (!note) throw new StoreRefused(path, 'it holds a store', 'Name a new or empty folder');
    const progress = continueFrom(progressOf(note.value), source, path);
    return new SqliteTarget({ path, log, state, lock, progress });
  } catch (error) {
    lock[Symbol.dispose]();
    throw error;
  }
}

/** The log comes first, with its note: whatever else is missing, the folder is refused to whoever would serve from it. */
function makeFiles(path: string, source: SourceMark): void {
  const [log, state] = [join(path, LOG_FILE), join(path, STATE_FILE)];
  if (!existsSync(log)) {
    const foreign = readdirSync(path).filter((name) => name !== LOCK_FILE && !name.includes(DRAFT));
    if (foreign.length > 0) throw new StoreRefused(path, 'it is not empty', 'Name a new or empty folder');
    createFile(log, LOG, (db) => {
      const progress: Progress = { source, done: {} };
      prepare(db, NOTE).run(TRANSFER_KEY, noteOf(progress));
      prepare(db, 'INSERT INTO log VALUES (?, ?)').run(BEGUN, '');
    });
  }
  if (!existsSync(state)) {
    createFile(state, STATE, (db) => prepare(db, 'UPDATE progress SET folding = ?1, folded = ?1').run(BEGUN));
  }
  prepareFolder(path);
}

interface Parts {
  readonly path: string;
  readonly log: Database;
  readonly state: Database;
  readonly lock: Disposable;
  readonly progress: Progress;
}

class SqliteTarget implements TransferTarget, AsyncDisposable {
  readonly place: string;
  readonly count: TransferReader['count'];
  readonly pages: TransferReader['pages'];
  readonly #parts: Parts;
  #progress: Progress;

  constructor(parts: Parts) {
    const { place, count, pages } = transferReader(parts.path, parts.log, parts.state);
    this.place = place;
    this.count = count;
    this.pages = pages;
    this.#parts = parts;
    this.#progress = parts.progress;
  }

  get progress(): Progress {
    return this.#progress;
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- the port is asynchronous
  async add(table: TableName, { rows, last }: Page): Promise<void> {
    const { log, state } = this.#parts;
    const { columns } = TABLES[table];
    const put = (db: Database) => {
      const places = columns.map(() => '?').join(', ');
      const verb = table === 'presence' ? 'INSERT OR REPLACE' : 'INSERT';
      const insert = prepare(db, `${verb} INTO ${table} (${columns.join(', ')}) VALUES (${places})`);
      for (const row of rows) insert.run(...(row as SqlValue[]));
    };
    const progress = { ...this.#progress, done: { ...this.#progress.done, [table]: last } };
    // Records are another file's: if it ends between the two, they are put once more.
    if (table === 'presence') transaction(state, () => put(state));
    transaction(log, () => {
      if (table !== 'presence') put(log);
      prepare(log, NOTE).run(TRANSFER_KEY, noteOf(progress));
    });
    this.#progress = progress;
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- the port is asynchronous
  async finish(): Promise<void> {
    const { log, state } = this.#parts;
    checkpoint(state);
    prepare(log, 'DELETE FROM meta WHERE key = ?').run(TRANSFER_KEY);
    checkpoint(log);
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- the port is asynchronous
  async [Symbol.asyncDispose](): Promise<void> {
    const { log, state, lock } = this.#parts;
    log.close();
    state.close();
    lock[Symbol.dispose]();
  }
}
