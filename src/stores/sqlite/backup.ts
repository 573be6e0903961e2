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

/** Told now and then how many rows are copied, of how many. */
export type Progress = (done: number, total: number) => void;

/** Rows copied between two words of progress. */
const STRIDE = 1000;

/** A fold that begins between two reads spoils one attempt; it cannot spoil many in a row. */
const MAX_ATTEMPTS = 100;

/**
 * Writes everything in a data folder, as of one instant, to one new file. Only reads the folder, and may run beside
 * the bridge that writes to it. Throws `StoreRefused` when the file exists or the folder holds no store of today.
 */
export function backupStore(path: string, file: string, progress?: Progress): BackupCounts {
  if (existsSync(file)) throw new StoreRefused(file, 'it already exists', 'Name a file that does not');
  const [log, state] = [join(path, LOG_FILE), join(path, STATE_FILE)];
  requireCurrent(log, LOG);
  requireCurrent(state, STATE);
  return createFile(file, BACKUP, (db) => {
    attach(db, log, 'log');
    attach(db, state, 'state');
    refusePart(db, path, 'log');
    const folded = pin(db);
    const sources: Source[] = [
      { from: 'log', tables: DIRECTORY_TABLES },
      { from: 'state', tables: ['presence'] },
    ];
    copyTables(db, sources, tally(db, sources, progress));
    addUnfolded(db, folded);
    db.exec('COMMIT');
    return { people: count(db, 'people'), presence: count(db, 'presence') };
  });
}

/** Makes a data folder of a backup. Throws `StoreRefused` when the folder holds anything or the file is no good. */
export function restoreStore(file: string, path: string, progress?: Progress): void {
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
  const files: Restored[] = [
    { target: join(path, STATE_FILE), kind: STATE, tables: ['presence'], beginning: stateProgress },
    {
      target: join(path, LOG_FILE),
      kind: LOG,
      tables: DIRECTORY_TABLES,
      beginning: `INSERT INTO main.log VALUES (${begun}, '')`,
    },
  ];
  for (const each of files) restoreFile(file, each, progress);
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

interface Restored {
  readonly target: string;
  readonly kind: FileKind;
  readonly tables: readonly string[];
  /** SQL that says where the new file begins. */
  readonly beginning: string;
}

function restoreFile(
  backup: string,
  { target, kind, tables, beginning }: Restored,
  progress: Progress | undefined,
): void {
  createFile(target, kind, (db) => {
    attach(db, backup, 'backup');
    transaction(db, () => {
      const sources = [{ from: 'backup', tables }];
      copyTables(db, sources, tally(db, sources, progress));
      db.exec(beginning);
    });
  });
}

function attach(db: Database, file: string, name: string): void {
  const url = `${pathToFileURL(file).href}?mode=ro`;
  db.exec(`ATTACH '${url.replaceAll("'", "''")}' AS ${name}`);
}

/** Tables of one attached file. */
interface Source {
  readonly from: string;
  readonly tables: readonly string[];
}

/** A condition that is always true, and tells how far the copying has come. */
function tally(db: Database, sources: readonly Source[], progress: Progress | undefined): string {
  if (!progress) return 'TRUE';
  const rows = sources.flatMap(({ from, tables }) => tables.map((table) => count(db, table, from)));
  const total = rows.reduce((sum, each) => sum + each, 0);
  let done = 0;
  progress(0, total);
  db.function('copied', () => {
    done++;
    if (done % STRIDE === 0 || done === total) progress(done, total);
    return 1;
  });
  return 'copied()';
}

/** Row by row in the order of insertion, which some of the tables mean. */
function copyTables(db: Database, sources: readonly Source[], condition: string): void {
  for (const { from, tables } of sources) {
    for (const table of tables) {
      const order = table === 'presence' ? 'person' : 'rowid';
      db.exec(
        `INSERT INTO main.${table} SELECT * FROM ${from}.${table} WHERE ${condition} ORDER BY ${order}`,
      );
    }
  }
}

function count(db: Database, table: string, of = 'main'): number {
  return prepare<{ rows: number }>(db, `SELECT count(*) AS rows FROM ${of}.${table}`).get()?.rows ?? 0;
}
