import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { DirectoryChange } from '../../src/presence/directory.ts';
import type { NetworkName } from '../../src/presence/identity.ts';
import { backupStore, restoreStore } from '../../src/stores/sqlite/backup.ts';
import { createFile } from '../../src/stores/sqlite/schema.ts';
import type { SqliteStore } from '../../src/stores/sqlite/sqlite-store.ts';
import { personId, recordOf } from '../contract/records.ts';
import { crashImage, digest, openTestStore, tempFolder } from './data-folder.ts';

const [ALICE, BOB, CAROL] = [personId('alice'), personId('bob'), personId('carol')];
const LEFT = 'left' as NetworkName;

const profile = { displayName: null, avatarUrl: null, visibility: 'nobody', createdAt: 1 } as const;
const DIRECTORY: DirectoryChange[] = [
  { row: 'person', id: ALICE, value: profile },
  { row: 'person', id: BOB, value: profile },
  { row: 'address', address: { network: LEFT, id: '1' }, value: { person: ALICE, kind: 'own' } },
  { row: 'token', hash: 'h', value: { person: ALICE, network: LEFT, deviceId: 'd', createdAt: 1 } },
  { row: 'contact', owner: ALICE, target: CAROL, value: true },
  { row: 'contact', owner: ALICE, target: BOB, value: true },
  { row: 'block', blocker: ALICE, blocked: BOB, value: true },
  { row: 'invite', owner: ALICE, address: { network: LEFT, id: '2' }, value: true },
  { row: 'meta', key: 'key', value: 'value' },
  {
    row: 'audit',
    id: 'a1',
    value: { at: 1, actor: 'operator', action: 'block', subjects: [ALICE], details: {} },
  },
  {
    row: 'audit',
    id: 'a2',
    value: { at: 2, actor: BOB, action: 'link', subjects: [BOB], details: { a: 'b' } },
  },
];

/** Records folded, unfolded, removed before and after a fold; and all of the directory. */
async function filledStore(): Promise<{ store: SqliteStore; path: string }> {
  const path = tempFolder();
  const store = await openTestStore(path);
  for (const id of [ALICE, BOB, CAROL]) await store.compareAndSet(id, 0, recordOf(1));
  await store.commit(DIRECTORY);
  await store.fold();
  await store.compareAndSet(BOB, 1, recordOf(2));
  await store.commit([{ row: 'presence', person: CAROL, expected: 1, value: null }]);
  return { store, path };
}

test('a backup of a store in use restores to the same', async () => {
  const { store, path } = await filledStore();
  const folder = tempFolder();
  const file = join(folder, "it's a backup %.db");
  expect(backupStore(path, file)).toEqual({ people: 2, presence: 2 });
  expect(readdirSync(folder)).toEqual(["it's a backup %.db"]);

  const restored = join(folder, 'restored', 'data');
  restoreStore(file, restored);
  const again = await openTestStore(restored);
  expect(await again.get(ALICE)).toEqual(recordOf(1));
  expect(await again.get(BOB)).toEqual(recordOf(2));
  expect(await again.get(CAROL)).toBeNull();
  for (const id of [ALICE, BOB]) expect(await again.people.byId(id)).toEqual(await store.people.byId(id));
  expect(await again.tokens.byHash('h')).toEqual(await store.tokens.byHash('h'));
  expect(await again.relations.contactsOf(ALICE)).toEqual([CAROL, BOB]);
  expect(await again.relations.blocksOf(BOB)).toEqual([{ blocker: ALICE, blocked: BOB }]);
  expect(await again.relations.invites({ owner: ALICE })).toHaveLength(1);
  expect(await again.meta('key')).toBe('value');
  expect(await again.audit.page(null, 10)).toEqual(await store.audit.page(null, 10));
  expect(await again.audit.page(null, 10)).toHaveLength(2);

  expect(await again.compareAndSet(BOB, 2, recordOf(3))).toBe(true);
  await again.fold();
  expect(await again.get(BOB)).toEqual(recordOf(3));
});

test('copying tells how far it has come, whatever is there', async () => {
  const { store, path } = await filledStore();
  const many = Array.from({ length: 1200 }, (_, index): DirectoryChange => {
    return { row: 'meta', key: `key ${index}`, value: '' };
  });
  await store.commit(many);
  const told: number[][] = [];
  const file = join(tempFolder(), 'backup.db');
  backupStore(path, file, (done, total) => told.push([done, total]));
  // 11 rows of the directory, and the two records that were folded.
  expect(told).toEqual([
    [0, 1214],
    [1000, 1214],
    [1214, 1214],
  ]);
  told.length = 0;
  restoreStore(file, join(tempFolder(), 'data'), (done, total) => told.push([done, total]));
  expect(told).toEqual([
    [0, 2],
    [2, 2],
    [0, 1211],
    [1000, 1211],
    [1211, 1211],
  ]);
});

test('a backup is for its owner only', async () => {
  const { path } = await filledStore();
  const file = join(tempFolder(), 'backup.db');
  backupStore(path, file);
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test('a restored store that loses its state is refused, not taken for an empty one', async () => {
  const { path } = await filledStore();
  const file = join(tempFolder(), 'backup.db');
  backupStore(path, file);
  const restored = join(tempFolder(), 'data');
  restoreStore(file, restored);
  await (await openTestStore(restored))[Symbol.asyncDispose]();
  for (const name of readdirSync(restored)) if (name.startsWith('state.db')) rmSync(join(restored, name));
  await expect(openTestStore(restored)).rejects.toThrow('not of the same time');
});

test('a store that is closed can be backed up too', async () => {
  const { store, path } = await filledStore();
  await store[Symbol.asyncDispose]();
  expect(backupStore(path, join(tempFolder(), 'backup.db'))).toEqual({ people: 2, presence: 2 });
});

test('a backup shows one instant, whatever is written and folded meanwhile', async () => {
  const path = tempFolder();
  const people = Array.from({ length: 40 }, (_, index) => personId(`person-${index}`));
  const store = await openTestStore(path, { foldChunk: 1, foldPeople: 1 });
  let writing = true;
  // Every commit moves everybody and the counter by one, so that any mixture of two instants shows.
  async function write(): Promise<void> {
    for (let version = 1; writing; version++) {
      const records = people.map((person): DirectoryChange => {
        return { row: 'presence', person, expected: version - 1, value: recordOf(version) };
      });
      await store.commit([...records, { row: 'meta', key: 'version', value: String(version) }]);
    }
  }
  const writer = write();
  onTestFinished(() => {
    writing = false;
    return writer;
  });
  let last: string | null = null;
  for (let round = 0; round < 8; round++) {
    while ((await store.meta('version')) === last) await new Promise((resolve) => setImmediate(resolve));
    const file = join(tempFolder(), 'backup.db');
    backupStore(path, file);
    const restored = join(tempFolder(), 'data');
    restoreStore(file, restored);
    const image = await openTestStore(restored);
    last = await image.meta('version');
    const records = await Promise.all(people.map((person) => image.get(person)));
    expect(new Set(records.map((record) => String(record?.version)))).toEqual(new Set([last]));
  }
});

test('a state that is ahead of the log is never mixed with it', async () => {
  const { store, path } = await filledStore();
  const old = crashImage(path, ['state.db', 'state.db-wal']);
  await store.compareAndSet(ALICE, 1, recordOf(2));
  await store.fold();
  await store[Symbol.asyncDispose]();
  copyFileSync(join(path, 'state.db'), join(old, 'state.db'));
  const folder = tempFolder();
  expect(() => backupStore(old, join(folder, 'backup.db'))).toThrow('the state stays ahead of the log');
  expect(readdirSync(folder)).toEqual([]);
});

test('a backup never overwrites, and needs a store', async () => {
  const { path } = await filledStore();
  const folder = tempFolder();
  const file = join(folder, 'backup.db');
  writeFileSync(file, 'precious');
  const before = digest(file);
  expect(() => backupStore(path, file)).toThrow('already exists');
  expect(digest(file)).toBe(before);
  expect(() => backupStore(tempFolder(), join(folder, 'new.db'))).toThrow('log.db: there is no such file');
  expect(readdirSync(folder)).toEqual(['backup.db']);
});

test('a restore takes an empty folder and a sound backup only', async () => {
  const { path } = await filledStore();
  const folder = tempFolder();
  const file = join(folder, 'backup.db');
  backupStore(path, file);
  expect(() => restoreStore(file, path)).toThrow('it is not empty');

  const target = join(folder, 'target');
  mkdirSync(target);
  expect(() => restoreStore(join(folder, 'missing.db'), target)).toThrow('there is no such file');
  expect(() => restoreStore(join(path, 'state.db'), target)).toThrow('not this one of a plexibridge');
  const newer = join(folder, 'newer.db');
  createFile(
    newer,
    { mark: 0x70787033, journal: 'delete', migrations: Array<string>(9).fill('') },
    () => undefined,
  );
  expect(() => restoreStore(newer, target)).toThrow('newer plexibridge');
  truncateSync(file, 8192);
  expect(() => restoreStore(file, target)).toThrow('damaged');
  expect(readdirSync(target)).toEqual([]);
  expect(existsSync(join(folder, 'backup.db.plexibridge-draft'))).toBe(false);
});
