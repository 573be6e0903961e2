import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { expect, onTestFinished, test } from 'vitest';
import type { PersonId } from '../../src/presence/identity.ts';
import type { PresenceStore } from '../../src/presence/store.ts';
import { openParts } from '../../src/stores/sqlite/open-store.ts';
import { SqliteStore } from '../../src/stores/sqlite/sqlite-store.ts';
import { personId, recordOf } from '../contract/records.ts';
import { crashImage, openTestStore, tempFolder, testLogger } from './data-folder.ts';

const PEOPLE = Array.from({ length: 20 }, (_, index) => personId(`person-${index}`));

type Acknowledged = Map<PersonId, number>;

/** Writes versions of everybody at once until `stop`, noting what was acknowledged. */
function startWriters(store: PresenceStore) {
  const acknowledged: Acknowledged = new Map();
  let stopped = false;
  const writers = PEOPLE.map(async (person) => {
    for (let version = 1; !stopped; version++) {
      await store.compareAndSet(person, version - 1, recordOf(version));
      acknowledged.set(person, version);
    }
  });
  async function until(rounds: number): Promise<void> {
    while (PEOPLE.some((person) => (acknowledged.get(person) ?? 0) < rounds)) {
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  async function stop(): Promise<void> {
    stopped = true;
    await Promise.all(writers);
  }
  return { acknowledged, until, stop };
}

/** The people of whom the store has less than was acknowledged. */
async function lost(store: PresenceStore, acknowledged: Acknowledged): Promise<PersonId[]> {
  const missing: PersonId[] = [];
  for (const [person, version] of acknowledged) {
    if (((await store.get(person))?.version ?? 0) < version) missing.push(person);
  }
  return missing;
}

test('whatever was acknowledged is there after a crash', async () => {
  const path = tempFolder();
  const writers = startWriters(await openTestStore(path));
  for (const rounds of [1, 5, 9]) {
    await writers.until(rounds);
    const acknowledged = new Map(writers.acknowledged);
    const survivor = await openTestStore(crashImage(path));
    expect(acknowledged.size).toBe(PEOPLE.length);
    expect(await lost(survivor, acknowledged)).toEqual([]);
  }
  await writers.stop();
});

test('control: a store that answers before the commit is caught', async () => {
  const path = tempFolder();
  const parts = await openParts({ path, logger: testLogger(), foldEveryMs: 86_400_000 });
  const hasty = { ...parts.log, call: () => Promise.resolve([]) };
  const store = new SqliteStore({ ...parts, log: hasty });
  const writers = startWriters(store);
  await writers.until(3);
  const survivor = await openTestStore(crashImage(path));
  expect(await lost(survivor, writers.acknowledged)).toEqual(PEOPLE);
  await writers.stop();
  await parts.log[Symbol.asyncDispose]();
  parts.release();
});

test('after a crash versions go on where they were', async () => {
  const path = tempFolder();
  const store = await openTestStore(path);
  const [alice] = PEOPLE;
  await store.compareAndSet(alice!, 0, recordOf(1));
  await store.fold();
  await store.compareAndSet(alice!, 1, recordOf(2));
  const image = crashImage(path);
  const survivor = await openTestStore(image);
  expect(await survivor.compareAndSet(alice!, 1, recordOf(2))).toBe(false);
  expect(await survivor.compareAndSet(alice!, 2, recordOf(3))).toBe(true);
  const again = await openTestStore(crashImage(image));
  expect(await again.get(alice!)).toEqual(recordOf(3));
});

test('folding keeps the newest of everybody and forgets who was removed', async () => {
  const path = tempFolder();
  const store = await openTestStore(path, { foldChunk: 3, cacheSize: 1 });
  const [removed, ...rest] = PEOPLE;
  for (const version of [1, 2, 3]) {
    await Promise.all(PEOPLE.map((person) => store.compareAndSet(person, version - 1, recordOf(version))));
    if (version === 2) await store.fold();
  }
  await store.commit([{ row: 'presence', person: removed!, expected: 3, value: null }]);
  for (const folds of [0, 1]) {
    if (folds > 0) await store.fold();
    const image = await openTestStore(crashImage(path), { cacheSize: 1 });
    for (const reader of [store, image]) {
      for (const person of rest) expect(await reader.get(person)).toEqual(recordOf(3));
      expect(await reader.get(removed!)).toBeNull();
    }
  }
  expect(stateOf(path)).toEqual({ people: rest.length, folded: 4, folding: 4 });
});

test('a fold that breaks off half-way is logged and tried again, and a crash then loses nothing', async () => {
  const path = tempFolder();
  const logger = testLogger();
  const store = await openTestStore(path, { logger, foldChunk: 5, cacheSize: 1 });
  await Promise.all(PEOPLE.map((person) => store.compareAndSet(person, 0, recordOf(1))));
  execute(
    join(path, 'state.db'),
    `CREATE TRIGGER broken BEFORE INSERT ON presence WHEN new.person = 'person-5'
     BEGIN SELECT raise(ABORT, 'no more'); END`,
  );
  await store.fold();
  expect(logger.lines).toEqual([expect.stringContaining('no more')]);
  const halfWay = stateOf(path);
  expect(halfWay.people).toBeGreaterThan(0);
  expect(halfWay.people).toBeLessThan(PEOPLE.length);
  expect([halfWay.folded, halfWay.folding]).toEqual([0, 1]);

  const image = crashImage(path);
  execute(join(image, 'state.db'), 'DROP TRIGGER broken');
  const survivor = await openTestStore(image, { cacheSize: 1 });
  execute(join(path, 'state.db'), 'DROP TRIGGER broken');
  await store.compareAndSet(PEOPLE[0]!, 1, recordOf(2));
  await store.fold();
  for (const person of PEOPLE) {
    expect(await survivor.get(person)).toEqual(recordOf(1));
    expect(await store.get(person)).toEqual(recordOf(person === PEOPLE[0] ? 2 : 1));
  }
  expect(stateOf(path)).toEqual({ people: PEOPLE.length, folded: 2, folding: 2 });
});

test('folded rows leave the log, all but the newest', async () => {
  const path = tempFolder();
  const store = await openTestStore(path);
  const [alice] = PEOPLE;
  for (let version = 1; version <= 70; version++) {
    await store.compareAndSet(alice!, version - 1, recordOf(version));
  }
  await store.fold();
  const rows = () => logRows(path);
  expect(rows()).toHaveLength(70);
  await store.compareAndSet(alice!, 70, recordOf(71));
  expect(rows()).toEqual([65, 66, 67, 68, 69, 70, 71]);
  await store.compareAndSet(alice!, 71, recordOf(72));
  expect(rows()).toEqual([70, 71, 72]);
});

test('closing finishes what was accepted, and later calls are refused', async () => {
  const path = tempFolder();
  const store = await openTestStore(path);
  const [alice, bob] = PEOPLE;
  const accepted = [
    store.compareAndSet(alice!, 0, recordOf(1)),
    store.compareAndSet(alice!, 1, recordOf(2)),
    store.commit([{ row: 'meta', key: 'key', value: 'value' }]),
  ];
  const closing = store[Symbol.asyncDispose]();
  for (const late of [
    store.get(alice!),
    store.compareAndSet(bob!, 0, recordOf(1)),
    store.commit([{ row: 'meta', key: 'key', value: 'late' }]),
  ]) {
    await expect(late).rejects.toMatchObject({ code: 'store_unavailable' });
  }
  expect(await Promise.all(accepted)).toEqual([true, true, undefined]);
  await closing;
  await expect(store.people.byId(alice!)).rejects.toMatchObject({ code: 'store_unavailable' });
  expect(stateOf(path)).toEqual({ people: 1, folded: 2, folding: 2 });
  const again = await openTestStore(path);
  expect([await again.get(alice!), await again.meta('key')]).toEqual([recordOf(2), 'value']);
});

test('a bounded queue refuses what it cannot hold', async () => {
  const store = await openTestStore(tempFolder(), { queueLimit: 5 });
  const outcomes = await Promise.allSettled(
    PEOPLE.map((person) => store.compareAndSet(person, 0, recordOf(1))),
  );
  const refused = outcomes.filter(({ status }) => status === 'rejected');
  expect(refused).toHaveLength(PEOPLE.length - 5);
  expect(refused[0]).toMatchObject({ reason: { code: 'overloaded', retryAfterMs: 1000 } });
  expect(await store.compareAndSet(PEOPLE[10]!, 0, recordOf(1))).toBe(true);
});

function execute(file: string, sql: string): void {
  const db = new DatabaseSync(file);
  db.exec(sql);
  db.close();
}

function stateOf(path: string): { people: number; folded: number; folding: number } {
  const db = new DatabaseSync(join(path, 'state.db'), { readOnly: true });
  onTestFinished(() => db.close());
  const sql = 'SELECT (SELECT count(*) FROM presence) AS people, folded, folding FROM progress';
  return { ...(db.prepare(sql).get() as ReturnType<typeof stateOf>) };
}

function logRows(path: string): number[] {
  const db = new DatabaseSync(join(path, 'log.db'), { readOnly: true });
  onTestFinished(() => db.close());
  const rows = db.prepare('SELECT seq FROM log ORDER BY seq').all() as { seq: number }[];
  return rows.map(({ seq }) => seq);
}
