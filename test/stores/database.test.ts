import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { expect, test } from 'vitest';
import { openReader, openWriter, readPragma, transaction } from '../../src/stores/sqlite/database.ts';
import type { FileKind } from '../../src/stores/sqlite/schema.ts';
import { createFile, migrateFile } from '../../src/stores/sqlite/schema.ts';
import { readVersion } from '../../src/stores/sqlite/file-check.ts';
import { tempFolder } from './data-folder.ts';

test('every writing connection has synchronous FULL, also where the driver would choose less', () => {
  const file = join(tempFolder(), 'a.db');
  const first = openWriter(file);
  first.exec('CREATE TABLE t (a)');
  expect(readPragma(first, 'synchronous')).toBe(2);
  first.close();

  const plain = new DatabaseSync(file);
  expect(readPragma(plain, 'synchronous')).toBe(1);
  plain.close();

  const second = openWriter(file);
  expect(readPragma(second, 'synchronous')).toBe(2);
  expect(readPragma(second, 'journal_mode')).toBe('wal');
  second.close();
});

test('a connection that cannot be made durable is refused', () => {
  expect(() => openWriter(':memory:')).toThrow('journal memory');
});

test('only two files open connections, so that no other can forget it', () => {
  const folder = join(import.meta.dirname, '../../src/stores/sqlite');
  const opens = (name: string) => readFileSync(join(folder, name), 'utf8').includes('new DatabaseSync(');
  expect(readdirSync(folder).filter(opens).toSorted()).toEqual(['database.ts', 'folder-lock.ts']);
});

test('a failed transaction leaves nothing, and the connection usable', () => {
  const db = openWriter(join(tempFolder(), 'a.db'));
  db.exec('CREATE TABLE t (a UNIQUE)');
  const insertTwice = () => db.exec('INSERT INTO t VALUES (1); INSERT INTO t VALUES (1)');
  expect(() => transaction(db, insertTwice)).toThrow('UNIQUE');
  transaction(db, () => db.exec('INSERT INTO t VALUES (2)'));
  expect(db.prepare('SELECT a FROM t').all()).toEqual([{ a: 2 }]);
});

const V1: FileKind = { mark: 7, journal: 'wal', migrations: ['CREATE TABLE t (a)'] };
const V2: FileKind = { ...V1, migrations: [...V1.migrations, 'ALTER TABLE t ADD COLUMN b'] };
const BROKEN: FileKind = { ...V2, migrations: [...V2.migrations, 'ALTER TABLE t ADD COLUMN c; NONSENSE'] };

const nothing = () => undefined;

test('migrations run once each, in order, and show in the plain header', () => {
  const file = join(tempFolder(), 'a.db');
  expect(readVersion(file, V1)).toBe(0);
  createFile(file, V1, (db) => db.exec('INSERT INTO t VALUES (1)'));
  expect(readVersion(file, V2)).toBe(1);
  migrateFile(file, V2, nothing);
  migrateFile(file, V2, nothing);
  expect(readVersion(file, V2)).toBe(2);
  expect(openReader(file).prepare('SELECT * FROM t').all()).toEqual([{ a: 1, b: null }]);
});

test('a migration that fails leaves the file at its version', () => {
  const file = join(tempFolder(), 'a.db');
  createFile(file, V2, nothing);
  expect(() => migrateFile(file, BROKEN, nothing)).toThrow('syntax error');
  expect(readVersion(file, BROKEN)).toBe(2);
  migrateFile(file, V2, (db) => db.exec('INSERT INTO t VALUES (1, 2)'));
});

test('a file is made whole or not at all, also after an attempt that was cut short', () => {
  const folder = tempFolder();
  const file = join(folder, 'a.db');
  writeFileSync(`${file}.plexibridge-draft`, 'the rest of a crash');
  writeFileSync(`${file}.plexibridge-draft-journal`, 'the rest of a crash');
  expect(() => createFile(file, V1, (db) => db.exec('NONSENSE'))).toThrow('syntax error');
  expect(readdirSync(folder)).toEqual([]);
  createFile(file, V1, nothing);
  expect(readdirSync(folder)).toEqual(['a.db']);
});
