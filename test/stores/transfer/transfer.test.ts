import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../../src/presence/clock.ts';
import type { MigrateOptions } from '../../../src/stores/migrate.ts';
import { migrateStore } from '../../../src/stores/migrate.ts';
import { takeAlone } from '../../../src/stores/postgres/maintenance.ts';
import { openPrimaries } from '../../../src/stores/postgres/open-store.ts';
import { SERVING_LOCK } from '../../../src/stores/postgres/schema.ts';
import { firstPlace } from '../../../src/stores/postgres/set-up.ts';
import { shardOf } from '../../../src/stores/postgres/shard-map.ts';
import { postgresTarget } from '../../../src/stores/postgres/transfer-target.ts';
import { encodeRecord } from '../../../src/stores/record-codec.ts';
import { backupStore } from '../../../src/stores/sqlite/backup.ts';
import { openSqliteStore } from '../../../src/stores/sqlite/open-store.ts';
import { DIRECTORY_TABLES } from '../../../src/stores/sqlite/schema.ts';
import { openSqliteSource } from '../../../src/stores/sqlite/transfer-source.ts';
import type { TransferSource } from '../../../src/stores/transfer/store.ts';
import { TABLE_NAMES } from '../../../src/stores/transfer/tables.ts';
import type { TableReport, TransferWatcher } from '../../../src/stores/transfer/transfer.ts';
import { transfer } from '../../../src/stores/transfer/transfer.ts';
import { recordOf } from '../../contract/records.ts';
import { crashImage, openTestStore, tempFolder, testLogger } from '../data-folder.ts';
import { describePostgres } from '../postgres/binaries.ts';
import { queryAt, until, useServer } from '../postgres/cluster.ts';
import { openNode } from '../postgres/stores.ts';
import { fill, person, tell } from './filled.ts';

const PEOPLE = 120;

const SILENT: TransferWatcher = {
  copying: () => undefined,
  verifying: () => undefined,
  progressed: () => undefined,
};

/** What a careless copy, or a disk, might do to a target. */
const DAMAGES = [
  ['people', `UPDATE people SET display_name = 'X' WHERE id = '${person(1)}'`],
  ['addresses', `DELETE FROM addresses WHERE ord = 1`],
  ['addresses', `UPDATE addresses SET ord = DEFAULT WHERE ord = 1`],
  ['tokens', `UPDATE tokens SET created_at = 1 WHERE hash = 'z1'`],
  ['held_tokens', `DELETE FROM held_tokens WHERE ord = 2`],
  ['contacts', `DELETE FROM contacts WHERE ord = 2`],
  ['blocks', `DELETE FROM blocks`],
  ['invites', `UPDATE invites SET owner = 'nobody' WHERE ord = 3`],
  ['meta', `UPDATE meta SET value = 'other' WHERE key = 'first'`],
  ['presence', `UPDATE presence SET record = replace(record, '1', '2') WHERE person = '${person(1)}'`],
  ['presence', `UPDATE presence SET person = 'another' WHERE person = '${person(1)}'`],
] as const;

describePostgres('migration between stores', () => {
  const server = useServer();

  async function databases(count: number): Promise<string[]> {
    const urls: string[] = [];
    for (let i = 0; i < count; i++) urls.push(await server().newDatabase());
    return urls;
  }

  it('copies every table that a store has', () => {
    expect(TABLE_NAMES.toSorted()).toEqual([...DIRECTORY_TABLES, 'presence'].toSorted());
  });

  it.each([1, 3])('copies all there is to %i primaries and back', async (count) => {
    const [path, back] = [await folder(), tempFolder()];
    const shards = await databases(count);
    const there = await migrate({ from: 'sqlite', path, shards });
    const before = await look(path);
    const node = await openNode(shards);
    expect(await tell(node)).toEqual(before);
    // What is told by the columns that SQLite does not have.
    expect(await node.compareAndSet(person(5), 5, recordOf(6))).toBe(false);
    expect(await node.compareAndSet(person(5), 6, recordOf(7))).toBe(true);
    await node[Symbol.asyncDispose]();
    const again = await migrate({ from: 'postgres', path: back, shards });
    const sqlite = await openTestStore(back);
    expect(await sqlite.get(person(5))).toEqual(recordOf(7));
    expect(await sqlite.compareAndSet(person(5), 7, recordOf(8))).toBe(true);
    const changed = (reports: TableReport[]) => reports.filter(({ table }) => table !== 'presence');
    expect(changed(again)).toEqual(changed(there));
    expect(there.map(({ rows }) => rows)).toEqual(again.map(({ rows }) => rows));
    expect(there.find(({ table }) => table === 'addresses')?.rows).toBe(3 * PEOPLE);
  });

  it('takes in what the log of the source holds beyond its state, and who was removed', async () => {
    const path = await folder();
    const store = await openTestStore(path);
    await store.compareAndSet(person(1), 2, recordOf(3));
    await store.commit([{ row: 'presence', person: person(2), expected: 3, value: null }]);
    const shards = await databases(1);
    // One that was closed in good order would have been folded.
    await migrate({ from: 'sqlite', path: crashImage(path), shards });
    const node = await openNode(shards);
    expect([await node.get(person(1)), await node.get(person(2))]).toEqual([recordOf(3), null]);
  });

  it('refuses a store that somebody serves from, on either side', async () => {
    const [path, shards] = [await folder(), await databases(2)];
    const store = await openTestStore(path);
    await expect(migrate({ from: 'sqlite', path, shards })).rejects.toThrow('the data folder is in use');
    await store[Symbol.asyncDispose]();
    const node = await openNode(shards);
    const refusal = `it is being served from (plexibridge ${node.node}). Stop all nodes first.`;
    await expect(migrate({ from: 'sqlite', path, shards })).rejects.toThrow(refusal);
    await expect(migrate({ from: 'postgres', path: tempFolder(), shards })).rejects.toThrow(refusal);
    await node[Symbol.asyncDispose]();
    await migrate({ from: 'sqlite', path, shards });
  });

  it('lets nobody serve or write while it runs', async () => {
    const [path, shards] = [await folder(), await databases(2)];
    await migrate({ from: 'sqlite', path, shards });
    const node = await openNode(shards, { timeouts: { connect: 3_000, statement: 300 } });
    // A node that was cut off: its connections are broken, and it comes back only when the migration runs.
    for (const url of shards) {
      await queryAt(url, `SELECT pg_terminate_backend(pid) FROM pg_locks WHERE objid = ${SERVING_LOCK}`);
    }
    let during: unknown;
    await migrate({
      from: 'postgres',
      path: tempFolder(),
      shards,
      verifying: async () => {
        during = await Promise.allSettled([openNode(shards), node.compareAndSet(person(1), 2, recordOf(3))]);
      },
    });
    expect(during).toMatchObject([
      { status: 'rejected', reason: { message: expect.stringContaining('a migration has it to itself') } },
      { status: 'rejected', reason: { code: 'store_unavailable' } },
    ]);
    expect(await node.compareAndSet(person(1), 2, recordOf(3))).toBe(true);
    // It is seen again by the next that wants the store for itself.
    await until(async () => {
      const again = migrate({ from: 'postgres', path: tempFolder(), shards });
      return again.then(
        () => false,
        (error: unknown) => String(error).includes('it is being served from'),
      );
    });
  });

  it('refuses a target that is not empty', async () => {
    const [path, shards] = [await folder(), await databases(2)];
    const node = await openNode(shards);
    await node.commit([{ row: 'meta', key: 'key', value: 'value' }]);
    await node[Symbol.asyncDispose]();
    await expect(migrate({ from: 'sqlite', path, shards })).rejects.toThrow('it is not empty');
    await expect(migrate({ from: 'postgres', path, shards })).rejects.toThrow('it holds a store');
  });

  it('refuses a source that is not there, or empty', async () => {
    const shards = await databases(1);
    await expect(migrate({ from: 'sqlite', path: tempFolder(), shards })).rejects.toThrow('no such file');
    await expect(migrate({ from: 'postgres', path: tempFolder(), shards })).rejects.toThrow('nothing in it');
  });

  it('goes on where it was broken off, and refuses to serve from half a store', async () => {
    const [path, shards] = [await folder(), await databases(2)];
    await expect(migrate({ from: 'sqlite', path, shards, verifying: breakOff })).rejects.toThrow(
      'broken off',
    );
    await expect(openNode(shards)).rejects.toThrow('a migration into it is not complete');
    await expect(migrate({ from: 'postgres', path: tempFolder(), shards })).rejects.toThrow('not complete');
    const copied: number[] = [];
    await migrate({ from: 'sqlite', path, shards, copying: (total, done) => copied.push(total - done) });
    expect(copied).toEqual([0]);
    const node = await openNode(shards);
    const expected = await tell(node);
    await node[Symbol.asyncDispose]();

    const back = tempFolder();
    const again = { from: 'postgres', path: back, shards } as const;
    await expect(migrate({ ...again, verifying: breakOff })).rejects.toThrow('broken off');
    await expect(openTestStore(back)).rejects.toThrow('a migration into it is not complete');
    expect(() => backupStore(back, join(tempFolder(), 'file'))).toThrow(
      'a migration into it is not complete',
    );
    await expect(migrate({ from: 'sqlite', path: back, shards: await databases(1) })).rejects.toThrow(
      'not complete',
    );
    await migrate(again);
    expect(await look(back)).toEqual(expected);
  });

  it('never mixes two sources, nor one of two times', async () => {
    const [path, other, shards] = [await folder(), tempFolder(), await databases(1)];
    await (await openTestStore(other))[Symbol.asyncDispose]();
    await expect(migrate({ from: 'sqlite', path, shards, verifying: breakOff })).rejects.toThrow(
      'broken off',
    );
    await expect(migrate({ from: 'sqlite', path: other, shards })).rejects.toThrow('part of another store');
    const store = await openTestStore(path);
    await store.compareAndSet(person(1), 2, recordOf(3));
    await store[Symbol.asyncDispose]();
    await expect(migrate({ from: 'sqlite', path, shards })).rejects.toThrow('has changed since');

    const [back, elsewhere] = [tempFolder(), await databases(1)];
    await migrate({ from: 'sqlite', path, shards: elsewhere });
    const again = { from: 'postgres', path: back, shards: elsewhere } as const;
    await expect(migrate({ ...again, verifying: breakOff })).rejects.toThrow('broken off');
    const node = await openNode(elsewhere);
    await node.commit([{ row: 'person', id: person(0), value: null }]);
    await node[Symbol.asyncDispose]();
    await expect(migrate(again)).rejects.toThrow('has changed since');
  });

  it('finds out whatever is not the same', async () => {
    const [path, shards] = [await folder(), await databases(1)];
    await expect(migrate({ from: 'sqlite', path, shards, verifying: breakOff })).rejects.toThrow(
      'broken off',
    );
    await using source = await openSqliteSource(path, testLogger());
    const whole = new URL(shards[0]!).pathname.slice(1);
    for (const [index, [table, damage]] of DAMAGES.entries()) {
      await server().query(`CREATE DATABASE damaged_${index} TEMPLATE ${whole}`);
      const damaged = server().url(`damaged_${index}`);
      const verifying = async () => {
        await queryAt(damaged, `SET search_path = plexibridge; ${damage}`);
      };
      const refusal = copyInto(damaged, source, {
        ...SILENT,
        verifying,
      });
      await expect(refusal, damage).rejects.toThrow(new RegExp(`: ${table} is not as in`));
      await expect(openNode([damaged])).rejects.toThrow('a migration into it is not complete');
    }
  });

  it('takes all of a commit that its node left halfway, or nothing, as it was decided', async () => {
    const [path, back, shards] = [await folder(), tempFolder(), await databases(3)];
    await migrate({ from: 'sqlite', path, shards });
    const at = (primary: number) => {
      for (let index = 0; ; index++) if (firstPlace(shardOf(person(index)), 3) === primary) return index;
    };
    const [decided, undecided] = [at(1), at(2)];
    const gid = await leaveHalfway(shards, 1, decided);
    await leaveHalfway(shards, 2, undecided);
    await queryAt(shards[0]!, `INSERT INTO plexibridge.decisions VALUES ('${gid}', 'commit')`);
    await migrate({ from: 'postgres', path: back, shards });
    const store = await openTestStore(back);
    expect((await store.get(person(decided)))?.version).toBe(decided + 2);
    expect((await store.get(person(undecided)))?.version).toBe(undecided + 1);
  });

  it('takes no store of which a shard is moving', async () => {
    const [path, shards] = [await folder(), await databases(2)];
    await migrate({ from: 'sqlite', path, shards });
    await queryAt(shards[0]!, 'UPDATE plexibridge.shards_here SET open = false WHERE shard = 4');
    const moving = migrate({ from: 'postgres', path: tempFolder(), shards });
    await expect(moving).rejects.toThrow('the move of shard 4 is not complete');
  });
});

/** A change of one person's record, promised at a primary by a node that is no more. Answers the name of its commit. */
async function leaveHalfway(shards: readonly string[], primary: number, index: number): Promise<string> {
  const ids = await Promise.all(shards.map((url) => queryAt(url, 'SELECT id FROM plexibridge.identity')));
  const [home, own] = [ids[0]![0].id, ids[primary]![0].id];
  const gid = `plexibridge:${home}:commit-${index}`;
  const [id, version] = [person(index), index + 1];
  const record = encodeRecord(recordOf(version + 1));
  await queryAt(
    shards[primary]!,
    `BEGIN; SET LOCAL search_path = plexibridge;
     SELECT commit_directory('gone', NULL, '[]', '${gid}', false, '{${id}}', '{${shardOf(id)}}', '{${version}}',
       '{${version + 1}}', ARRAY['${record}'], '{NULL}');
     PREPARE TRANSACTION '${gid}:${own}'`,
  );
  return gid;
}

let template: string;
beforeAll(async () => {
  template = await mkdtemp(join(tmpdir(), 'plexibridge-test-'));
  const store = await openSqliteStore({ path: template, logger: testLogger() });
  await fill(store, PEOPLE);
  await store[Symbol.asyncDispose]();
});
afterAll(() => rm(template, { recursive: true, force: true }));

/** A filled data folder. */
async function folder(): Promise<string> {
  const path = tempFolder();
  await cp(template, path, { recursive: true });
  return path;
}

async function copyInto(url: string, source: TransferSource, watcher: TransferWatcher): Promise<void> {
  const settings = { shards: [url], connections: 1, logger: testLogger() };
  const primaries = await openPrimaries(settings, 'test');
  try {
    await using sessions = await takeAlone(primaries, systemClock, testLogger());
    await transfer(source, await postgresTarget(primaries, sessions, source.mark), watcher);
  } finally {
    await primaries[0][Symbol.asyncDispose]();
  }
}

async function look(path: string): Promise<unknown> {
  const store = await openTestStore(path);
  const told = await tell(store);
  await store[Symbol.asyncDispose]();
  return told;
}

interface Hooks {
  readonly copying?: (total: number, done: number) => void;
  /** All is copied; runs before anything is read again. */
  readonly verifying?: () => unknown;
}

async function migrate({
  copying,
  verifying,
  ...options
}: Pick<MigrateOptions, 'from' | 'path' | 'shards'> & Hooks): Promise<TableReport[]> {
  return migrateStore({
    ...options,
    clock: systemClock,
    logger: testLogger(),
    watcher: {
      ...SILENT,
      copying: (total, done) => copying?.(total, done),
      verifying: async () => {
        await verifying?.();
      },
    },
  });
}

function breakOff(): never {
  throw new Error('broken off');
}
