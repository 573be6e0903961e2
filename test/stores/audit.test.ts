import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { expect, test } from 'vitest';
import { createFile, LOG } from '../../src/stores/sqlite/schema.ts';
import { personId } from '../contract/records.ts';
import { openTestStore, tempFolder } from './data-folder.ts';

const NOTE = {
  at: 1,
  actor: 'operator',
  action: 'unlink',
  subjects: [personId('alice')],
  details: {},
} as const;

test.each([
  'DELETE FROM audit',
  "UPDATE audit SET actor = 'nobody'",
  'REPLACE INTO audit SELECT * FROM audit',
])('what was done stays: %s is refused', async (statement) => {
  const path = tempFolder();
  const store = await openTestStore(path);
  await store.commit([{ row: 'audit', id: '1', value: NOTE }]);
  await store[Symbol.asyncDispose]();
  const db = new DatabaseSync(join(path, 'log.db'));
  db.exec('PRAGMA recursive_triggers = ON');
  expect(() => db.exec(statement)).toThrow('append-only');
  db.close();
});

test('a log of the schema before gets room for it, and keeps what it has', async () => {
  const path = tempFolder();
  createFile(join(path, 'log.db'), { ...LOG, migrations: LOG.migrations.slice(0, 2) }, (db) => {
    db.exec("INSERT INTO meta VALUES ('key', 'value')");
  });
  const store = await openTestStore(path);
  expect(await store.meta('key')).toBe('value');
  await store.commit([{ row: 'audit', id: '1', value: NOTE }]);
  expect(await store.audit.page(null, 2)).toEqual([{ seq: 1, ...NOTE }]);
});
