import type { DatabaseSyncInstance } from '@photostructure/sqlite';
import { DatabaseSync } from '@photostructure/sqlite';

export type Database = DatabaseSyncInstance;

export type SqlValue = string | number | null;

/** A prepared statement whose rows have been given a type. */
export interface Statement<Row = never> {
  get(...values: SqlValue[]): Row | undefined;
  all(...values: SqlValue[]): Row[];
  /** Must be run to its end: until then it pins a snapshot. */
  iterate(...values: SqlValue[]): Iterable<Row>;
  run(...values: SqlValue[]): unknown;
}

/** How long a connection waits for another one's lock, ms. */
const BUSY_TIMEOUT = 5000;

/**
 * A connection that may write, and whose commits survive a power cut. The driver reopens a WAL database with
 * `synchronous = NORMAL`, so FULL is set on every open and read back. `delete` is for files that travel alone.
 */
export function openWriter(file: string, journal: 'wal' | 'delete' = 'wal'): Database {
  const db = new DatabaseSync(file, { timeout: BUSY_TIMEOUT });
  try {
    db.exec(`PRAGMA journal_mode = ${journal}; PRAGMA synchronous = FULL`);
    const [synchronous, mode] = [readPragma(db, 'synchronous'), readPragma(db, 'journal_mode')];
    if (synchronous !== 2 || mode !== journal) {
      throw new Error(`${file}: synchronous is ${String(synchronous)}, the journal ${String(mode)}`);
    }
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

/** A connection that only reads; every statement sees what is committed by then. */
export function openReader(file: string): Database {
  return new DatabaseSync(file, { readOnly: true, timeout: BUSY_TIMEOUT });
}

export function prepare<Row = never>(db: Database, sql: string): Statement<Row> {
  return db.prepare(sql);
}

/**
 * The first value of a pragma, read without a prepared statement: with the driver, a connection that ever had one
 * keeps its file open after `close`, until the garbage collector comes by.
 */
export function readPragma(db: Database, name: string): unknown {
  const values: unknown[] = [];
  db.function('observe', (value: unknown) => {
    values.push(value);
    return null;
  });
  db.exec(`SELECT observe(${name}) FROM pragma_${name}`);
  return values[0];
}

/** All of what `work` does, or nothing. */
export function transaction<T>(db: Database, work: () => T): T {
  db.exec('BEGIN IMMEDIATE');
  try {
    const result = work();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    // A full disk may have rolled back already.
    if (db.isTransaction) db.exec('ROLLBACK');
    throw error;
  }
}

/** Moves the write-ahead log into the file. */
export function checkpoint(db: Database): void {
  db.exec('PRAGMA main.wal_checkpoint(TRUNCATE)');
}
