import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Database } from './database.ts';
import { prepare, transaction } from './database.ts';
import { checkStructure, readVersion } from './file-check.ts';
import { LOG_FILE, STATE_FILE } from './folder.ts';
import { decodeBody } from './log-body.ts';
import { StoreRefused } from '../refused.ts';
import type { FileKind } from './schema.ts';
import { refusePart } from './transfer-reader.ts';
import { BACKUP, createFile, DIRECTORY_TABLES, LOG, STATE } from './schema.ts';

/** How many rows a backup holds. */
export interface BackupCounts {
  readonly people: number;
  readonly presence: number;
}

/** A fold that begins between two reads spoils one attempt; it cannot spoil many in a row. */
const MAX_ATTEMPTS = 100;

/**
 * Writes everything in a data folder, as of one instant, to one new file. Only reads the folder, and may run beside
 * the bridge that writes to it. Throws `StoreRefused` when the file exists or the folder holds no store of today.
 */
export function backupStore(path: string, file: string): BackupCounts {
  if (existsSync(file)) throw new StoreRefused(file, 'it already exists', 'Name a file that does not');
  const [log, state] = [join(path, LOG_FILE), join(path, STATE_FILE)];
  requireCurrent(log, LOG);
  requireCurrent(state, STATE);
  return createFile(file, BACKUP, (db) => {
    attach(db, log, 'log');
    attach(db, state, 'state');
    refusePart(db, path, 'log');
    const folded = pin(db);
    copyTables(db, 'log', DIRECTORY_TABLES);
    copyTables(db, 'state', ['presence']);
    addUnfolded(db, folded);
    db.exec('COMMIT');
    return { people: count(db, 'people'), presence: count(db, 'presence') };
  });
}

/** Makes a data folder of a backup. Throws `StoreRefused` when the folder holds anything or the file is no good. */
export function restoreStore(file: string, path: string): void {
  if (existsSync(path) && readdirSync(path).length > 0) {
    throw new StoreRefused(path, 'it is not empty', 'Restore into a new or empty folder');
  }
  requireCurrent(file, BACKUP);
  checkStructure(file);
  mkdirSync(path, { recursive: true, mode: 0o700 });
  // The log comes last: a folder without one is refused, so half a restore is never taken for a store.
  // It begins at row 2, so that it cannot be taken for a whole one should the state be lost.
  const begun = 2;
  const stateProgress = `UPDATE main.progress SET folding = ${begun}, folded = ${begun}`;
  restoreFile(file, join(path, STATE_FILE), STATE, ['presence'], stateProgress);
  restoreFile(
    file,
    join(path, LOG_FILE),
    LOG,
    DIRECTORY_TABLES,
    `INSERT INTO main.log VALUES (${begun}, '')`,
  );
}

function requireCurrent(file: string, kind: FileKind): void {
  const version = readVersion(file, kind);
  if (version === kind.migrations.length) return;
  const problem = version === 0 ? 'there is no such file' : `it is of the older schema ${version}`;
  const advice = version === 0 ? 'Check the path' : 'Use the plexibridge that wrote it';
  throw new StoreRefused(file, problem, advice);
}

/**
 * Begins a transaction that sees the log first and the state after it, and answers how far the state surely goes.
 * The rows of the log beyond that are all there, and the state has nothing of later ones.
 */
function pin(db: Database): number {
  const last = prepare<{ seq: number }>(db, 'SELECT coalesce(max(seq), 0) AS seq FROM log.log');
  const progress = prepare<{ folding: number; folded: number }>(db, 'SELECT * FROM state.progress');
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    db.exec('BEGIN');
    const seq = last.get()?.seq ?? 0;
    const { folding, folded } = progress.get() ?? { folding: 0, folded: 0 };
    if (folding <= seq) return folded;
    db.exec('ROLLBACK');
  }
  throw new Error('the state stays ahead of the log; try again, and check the data folder if this lasts');
}

function addUnfolded(db: Database, folded: number): void {
  const rows = prepare<{ body: string }>(db, 'SELECT body FROM log.log WHERE seq > ? ORDER BY seq');
  const put = prepare(db, 'INSERT OR REPLACE INTO main.presence VALUES (?, ?)');
  const drop = prepare(db, 'DELETE FROM main.presence WHERE person = ?');
  for (const { body } of rows.iterate(folded)) {
    for (const [person, record] of decodeBody(body)) {
      if (record === null) drop.run(person);
      else put.run(person, record);
    }
  }
}

function restoreFile(
  backup: string,
  target: string,
  kind: FileKind,
  tables: readonly string[],
  beginning: string,
): void {
  createFile(target, kind, (db) => {
    attach(db, backup, 'backup');
    transaction(db, () => {
      copyTables(db, 'backup', tables);
      db.exec(beginning);
    });
  });
}

function attach(db: Database, file: string, name: string): void {
  const url = `${pathToFileURL(file).href}?mode=ro`;
  db.exec(`ATTACH '${url.replaceAll("'", "''")}' AS ${name}`);
}

/** Row by row in the order of insertion, which some of the tables mean. */
function copyTables(db: Database, from: string, tables: readonly string[]): void {
  for (const table of tables) {
    const order = table === 'presence' ? 'person' : 'rowid';
    db.exec(`INSERT INTO main.${table} SELECT * FROM ${from}.${table} ORDER BY ${order}`);
  }
}

function count(db: Database, table: string): number {
  return prepare<{ rows: number }>(db, `SELECT count(*) AS rows FROM main.${table}`).get()?.rows ?? 0;
}
