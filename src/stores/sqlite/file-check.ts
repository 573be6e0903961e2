import { closeSync, openSync, readSync } from 'node:fs';
import { openReader, readPragma } from './database.ts';
import { sizeOf } from './files.ts';
import type { FileKind } from './schema.ts';
import { StoreRefused } from '../refused.ts';

export const RESTORE_ADVICE = 'Restore a backup into an empty folder, and keep this one for analysis';

const HEADER_BYTES = 100;
const MAGIC = 'SQLite format 3\0';

/**
 * The schema version of a file, by plain reads that cannot change it; 0 when there is no file yet.
 * Throws `StoreRefused` when the file is foreign, cut short or newer than this program.
 */
export function readVersion(file: string, kind: FileKind): number {
  if (sizeOf(file) === 0) {
    if (sizeOf(`${file}-wal`) > 0) throw damaged(file, 'it is empty, but its write-ahead log is not');
    return 0;
  }
  const header = readHeader(file);
  if (header.length < HEADER_BYTES || header.toString('latin1', 0, 16) !== MAGIC) {
    throw damaged(file, 'it is not an SQLite file');
  }
  if (header.readUInt32BE(68) !== kind.mark) {
    throw damaged(file, 'it is an SQLite file, but not this one of a plexibridge');
  }
  const version = header.readUInt32BE(60);
  const known = kind.migrations.length;
  if (version > known) {
    const problem = `it was written by a newer plexibridge (schema ${version}; this one knows ${known})`;
    throw new StoreRefused(file, problem, 'Start that version or a later one');
  }
  refuseCut(file, header);
  return version;
}

/** Reads the whole file for damage to its structure, without changing it. Throws `StoreRefused`. */
export function checkStructure(file: string): void {
  const finding = quickCheck(file);
  if (finding !== 'ok') throw damaged(file, finding.replaceAll('\n', ' '));
}

function quickCheck(file: string): string {
  const db = openReader(file);
  try {
    return String(readPragma(db, 'quick_check'));
  } catch (error) {
    return String(error);
  } finally {
    db.close();
  }
}

/** An unfinished checkpoint or transaction may leave the file short; SQLite then completes it from the journal. */
function refuseCut(file: string, header: Buffer): void {
  if (sizeOf(`${file}-wal`) > 0 || sizeOf(`${file}-journal`) > 0) return;
  const pageSize = header.readUInt16BE(16) === 1 ? 65_536 : header.readUInt16BE(16);
  const expected = pageSize * header.readUInt32BE(28);
  if (sizeOf(file) < expected) {
    throw damaged(file, `it has ${sizeOf(file)} bytes where its header promises ${expected}`);
  }
}

function damaged(file: string, problem: string): StoreRefused {
  return new StoreRefused(file, `damaged: ${problem}`, RESTORE_ADVICE);
}

function readHeader(file: string): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  const fd = openSync(file, 'r');
  try {
    return header.subarray(0, readSync(fd, header, 0, HEADER_BYTES, 0));
  } finally {
    closeSync(fd);
  }
}
