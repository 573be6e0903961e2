import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, readFileSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { expect, onTestFinished, test } from 'vitest';
import { takeCleanMark } from '../../src/stores/sqlite/clean-mark.ts';
import { FILES } from '../../src/stores/sqlite/folder.ts';
import { StoreRefused } from '../../src/stores/refused.ts';
import { personId, recordOf } from '../contract/records.ts';
import { crashImage, digest, openTestStore, tempFolder } from './data-folder.ts';

const PEOPLE = Array.from({ length: 400 }, (_, index) => personId(`person-${index}`));

/** A closed store that holds a little in both of its files. */
async function closedStore(): Promise<string> {
  const path = tempFolder();
  const store = await openTestStore(path);
  await Promise.all(PEOPLE.map((person) => store.compareAndSet(person, 0, recordOf(1))));
  await store.fold();
  await Promise.all(PEOPLE.map((person) => store.compareAndSet(person, 1, recordOf(2))));
  await store[Symbol.asyncDispose]();
  return path;
}

function overwrite(file: string, offset: number, bytes: number[]): void {
  const content = readFileSync(file);
  content.set(bytes, offset);
  writeFileSync(file, content);
}

/** Spoils the head of every page but the first. */
function flipPages(file: string): void {
  const content = readFileSync(file);
  for (let offset = 4096; offset < content.length; offset += 4096) {
    for (let byte = offset; byte < offset + 8; byte++) content[byte] = ~content[byte]! & 0xff;
  }
  writeFileSync(file, content);
}

const DAMAGES: [name: string, damage: (file: string) => void, message: RegExp][] = [
  ['text in its place', (file) => writeFileSync(file, 'hello\n'.repeat(2000)), /not an SQLite file/],
  ['cut within the header', (file) => truncateSync(file, 50), /not an SQLite file/],
  ['cut within the pages', (file) => truncateSync(file, 8192), /has 8192 bytes where its header/],
  ['a flipped byte in the magic', (file) => overwrite(file, 3, [0]), /not an SQLite file/],
  ['flipped bytes in the pages', flipPages, /damaged: /],
  ['another program’s mark', (file) => overwrite(file, 68, [0, 0, 0, 1]), /not this one of a plexibridge/],
  ['a newer schema', (file) => overwrite(file, 60, [0, 0, 0, 9]), /newer plexibridge \(schema 9; this one/],
];

test.each(FILES.flatMap((name) => DAMAGES.map((damage) => [name, ...damage] as const)))(
  '%s with %s is refused and left as it is',
  async (name, _, damage, message) => {
    const path = await closedStore();
    damage(join(path, name));
    const before = FILES.map((file) => digest(join(path, file)));
    const refusal = await openTestStore(path).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(StoreRefused);
    expect((refusal as Error).message).toContain(join(path, name));
    expect((refusal as Error).message).toMatch(message);
    expect(FILES.map((file) => digest(join(path, file)))).toEqual(before);
  },
);

test('a log that is empty beside a state is refused, and so is one of another time', async () => {
  const path = await closedStore();
  const old = crashImage(path);
  truncateSync(join(path, 'log.db'), 0);
  await expect(openTestStore(path)).rejects.toThrow('missing or empty');

  copyFileSync(join(old, 'log.db'), join(path, 'log.db'));
  const store = await openTestStore(path);
  await store.compareAndSet(PEOPLE[0]!, 2, recordOf(3));
  await store[Symbol.asyncDispose]();
  copyFileSync(join(old, 'log.db'), join(path, 'log.db'));
  const before = digest(join(path, 'state.db'));
  await expect(openTestStore(path)).rejects.toThrow('not of the same time');
  expect(digest(join(path, 'state.db'))).toBe(before);
});

test('a state of an earlier time than the log begins is refused', async () => {
  const path = tempFolder();
  const store = await openTestStore(path);
  const image = crashImage(path);
  await store.compareAndSet(PEOPLE[0]!, 0, recordOf(1));
  await store.compareAndSet(PEOPLE[0]!, 1, recordOf(2));
  await store.fold();
  await store.compareAndSet(PEOPLE[0]!, 2, recordOf(3));
  await store[Symbol.asyncDispose]();
  copyFileSync(join(image, 'state.db'), join(path, 'state.db'));
  await expect(openTestStore(path)).rejects.toThrow('not of the same time');
});

test('a log row that makes no sense is refused', async () => {
  const path = tempFolder();
  const store = await openTestStore(path);
  await store[Symbol.asyncDispose]();
  const db = new DatabaseSync(join(path, 'log.db'));
  db.exec("INSERT INTO log VALUES (1, 'alice\t[1]\n')");
  db.close();
  await expect(openTestStore(path)).rejects.toThrow('damaged: row 1 of log.db');
});

test('a refused folder opens again once it is mended', async () => {
  const path = await closedStore();
  const image = crashImage(path);
  writeFileSync(join(path, 'state.db'), 'nonsense');
  await expect(openTestStore(path)).rejects.toThrow(StoreRefused);
  copyFileSync(join(image, 'state.db'), join(path, 'state.db'));
  expect(await (await openTestStore(path)).get(PEOPLE[0]!)).toEqual(recordOf(2));
});

test('only a clean shutdown spares the next start the reading of the files', async () => {
  const path = await closedStore();
  expect(takeCleanMark(crashImage(path), FILES)).toBe(false);
  expect(takeCleanMark(path, FILES)).toBe(true);
  expect(takeCleanMark(path, FILES)).toBe(false);

  const store = await openTestStore(path);
  expect(takeCleanMark(path, FILES)).toBe(false);
  await store[Symbol.asyncDispose]();
  utimesSync(join(path, 'state.db'), 1, 1);
  expect(takeCleanMark(path, FILES)).toBe(false);
});

test('a second opener is refused while the first one lives', async () => {
  const path = tempFolder();
  const store = await openTestStore(path);
  await expect(openTestStore(path)).rejects.toThrow('in use by another plexibridge');
  await store[Symbol.asyncDispose]();
  await openTestStore(path);
});

test('another process holds the folder until it is killed', async () => {
  const path = tempFolder();
  const loader = join(import.meta.dirname, '../../config/dev/load-typescript.js');
  const holder = join(import.meta.dirname, 'hold-folder.ts');
  const child = spawn(process.execPath, ['--import', loader, holder, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  await expect(openTestStore(path)).rejects.toThrow('in use by another plexibridge');
  child.kill('SIGKILL');
  await once(child, 'exit');
  await openTestStore(path);
});
