import { createHash } from 'node:crypto';
import { DatabaseSync } from '@photostructure/sqlite';
import type { DirectoryChange } from '../../src/presence/directory.ts';
import type { NetworkName, PersonId } from '../../src/presence/identity.ts';
import type * as Folder from '../../src/stores/sqlite/folder.ts';
import type * as Marks from '../../src/stores/sqlite/clean-mark.ts';
import { mkdirSync } from 'node:fs';
import { built } from './built.ts';

/*
 * People numbered from 0, with an account on either network, and tokens for the first of them. `{n}` is the number in ten
 * digits.
 */
const PERSON = 'person{n}';
const IDS: Readonly<Record<string, string>> = { plexichat: '17592884{n}', matrix: '@user{n}:localhost' };
const TOKENS: Readonly<Record<string, string>> = { plexichat: '17592884{n}.bench', matrix: 'pxb_bench{n}' };
/** So many have tokens. */
export const TOKEN_HOLDERS = 1000;
const ROWS_AT_ONCE = 500;

export type Network = 'plexichat' | 'matrix';

function fill(template: string | undefined, n: number): string {
  return (template ?? '').replace('{n}', String(n).padStart(10, '0'));
}

export function idOf(network: Network, n: number): string {
  return fill(IDS[network], n);
}

export function tokenOf(network: Network, n: number): string {
  return fill(TOKENS[network], n);
}

/** The id with `{n}` in it. */
export function anyId(network: Network): string {
  return IDS[network] ?? '';
}

export function personOf(n: number): PersonId {
  return fill(PERSON, n) as PersonId;
}

function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('base64url');
}

/** The same people for any store, in commits of some size. */
export function* peopleRows(people: number): Generator<DirectoryChange[]> {
  for (let from = 0; from < people; from += ROWS_AT_ONCE) {
    const numbers = Array.from({ length: Math.min(ROWS_AT_ONCE, people - from) }, (_, i) => from + i);
    yield numbers.flatMap(rowsOf);
  }
}

function rowsOf(n: number): DirectoryChange[] {
  const [id, createdAt] = [personOf(n), Date.now()];
  const profile = { displayName: null, avatarUrl: null, visibility: 'everyone', createdAt } as const;
  const networks = ['plexichat', 'matrix'] as const;
  return [
    { row: 'person', id, value: profile },
    ...networks.map((name): DirectoryChange => {
      const address = { network: name as string as NetworkName, id: idOf(name, n) };
      return { row: 'address', address, value: { person: id, kind: 'own' } };
    }),
    ...networks.map((name): DirectoryChange => {
      const value = { person: id, network: name as string as NetworkName, deviceId: 'bench', createdAt };
      return { row: 'token', hash: hashOf(tokenOf(name, n)), value };
    }),
  ];
}

/** Share of people who have said something lately, so that time has yet to take it back. */
const PRESENT = 10;

/** Makes a data folder of so many people by SQL, which takes seconds where the API would take an hour. */
export async function seedFolder(path: string, people: number): Promise<void> {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const { prepareFolder, FILES } = await built<typeof Folder>('stores/sqlite/folder.js');
  const { writeCleanMark } = await built<typeof Marks>('stores/sqlite/clean-mark.js');
  prepareFolder(path);
  const numbers = `WITH RECURSIVE c(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c WHERE n < ${people - 1}),
    numbered(n, d) AS (SELECT n, printf('%010d', n) FROM c)`;
  const now = Date.now();
  const [lately, longAgo] = [now - 60_000, now - 86_400_000];
  const at = `CASE WHEN n % ${PRESENT} = 0 THEN ${lately} ELSE ${longAgo} END`;
  const settled = `CASE WHEN n % ${PRESENT} = 0 THEN ${lately + 1_800_000} ELSE ${longAgo + 1_800_000} END`;
  seedFile(`${path}/log.db`, [
    `INSERT INTO people ${numbers} SELECT 'person' || d, NULL, NULL, 'everyone', ${now} FROM numbered`,
    `INSERT INTO addresses ${numbers} SELECT 'plexichat', '17592884' || d, 'person' || d, 'own' FROM numbered`,
    `INSERT INTO addresses ${numbers}
     SELECT 'matrix', '@user' || d || ':localhost', 'person' || d, 'own' FROM numbered`,
  ]);
  seedFile(`${path}/state.db`, [
    `INSERT INTO presence ${numbers} SELECT 'person' || d,
     printf('[1,["online","plexichat",%d,0],["Working",null,"plexichat",null],%d,null,[],%d]', ${at}, ${at}, ${settled})
     FROM numbered`,
  ]);
  seedTokens(`${path}/log.db`, Math.min(people, TOKEN_HOLDERS));
  writeCleanMark(path, FILES);
}

function seedFile(file: string, statements: readonly string[]): void {
  const db = new DatabaseSync(file);
  db.exec('PRAGMA synchronous = OFF; BEGIN');
  for (const statement of statements) db.exec(statement);
  db.exec('COMMIT; PRAGMA wal_checkpoint(TRUNCATE)');
  db.close();
}

function seedTokens(file: string, holders: number): void {
  const db = new DatabaseSync(file);
  db.exec('BEGIN');
  const insert = db.prepare('INSERT INTO tokens VALUES (?, ?, ?, ?, ?)');
  for (let n = 0; n < holders; n++) {
    for (const network of ['plexichat', 'matrix'] as const) {
      insert.run(hashOf(tokenOf(network, n)), personOf(n), network, 'bench', Date.now());
    }
  }
  db.exec('COMMIT; PRAGMA wal_checkpoint(TRUNCATE)');
  db.close();
}

/** Puts the first `targets` people on the lists of the `observers` who follow them. */
export function seedContacts(path: string, observers: number, targets: number): void {
  const db = new DatabaseSync(`${path}/log.db`);
  db.exec('BEGIN');
  const insert = db.prepare('INSERT INTO contacts VALUES (?, ?)');
  for (let n = targets; n < targets + observers; n++) {
    for (let target = 0; target < targets; target++) insert.run(personOf(n), personOf(target));
  }
  db.exec('COMMIT; PRAGMA wal_checkpoint(TRUNCATE)');
  db.close();
}
