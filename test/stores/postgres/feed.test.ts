import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import type { Clock } from '../../../src/presence/clock.ts';
import { systemClock } from '../../../src/presence/clock.ts';
import type { DirectoryChange } from '../../../src/presence/directory.ts';
import type { PersonId } from '../../../src/presence/identity.ts';
import type { PresenceRecord } from '../../../src/presence/record.ts';
import { OutboxReader } from '../../../src/stores/postgres/outbox-reader.ts';
import type { PostgresStore } from '../../../src/stores/postgres/postgres-store.ts';
import { Primary, TIMEOUTS } from '../../../src/stores/postgres/primary.ts';
import { encodeRecord } from '../../../src/stores/record-codec.ts';
import { personId, recordOf } from '../../contract/records.ts';
import { ManualClock } from '../../helpers/clock.ts';
import { testLogger } from '../data-folder.ts';
import { BINARIES, describePostgres } from './binaries.ts';
import { queryAt, until, useServer } from './cluster.ts';
import { openFollowing } from './news.ts';
import { openNode } from './stores.ts';
import { Wire } from './wire.ts';

const [ALICE, BOB] = [personId('alice'), personId('bob')];
const UNAVAILABLE = { code: 'store_unavailable' };

const person = (id: PersonId): DirectoryChange => {
  return {
    row: 'person',
    id,
    value: { displayName: null, avatarUrl: null, visibility: 'everyone', createdAt: 1 },
  };
};

/** Changes a record so that no node hears of it: who still answers the old one has remembered it. */
async function changeUnheard(url: string, who: PersonId, record: PresenceRecord): Promise<void> {
  await queryAt(url, 'UPDATE plexibridge.presence SET version = $2, record = $3 WHERE person = $1', [
    who,
    record.version,
    encodeRecord(record),
  ]);
}

/** Whether a node answers what it remembers of her, and does not ask the database. */
async function believes(url: string, node: PostgresStore, who: PersonId): Promise<boolean> {
  const remembered = (await node.get(who))?.version ?? 0;
  await changeUnheard(url, who, recordOf(remembered + 1));
  return (await node.get(who))?.version === remembered;
}

function nameOf(url: string): string {
  return url.split('/').at(-1) ?? '';
}

/** Ends what a node listens on, and nothing else of it. */
async function cutListening(url: string, node: PostgresStore): Promise<void> {
  await queryAt(
    url,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE application_name LIKE '%' || $1 AND query LIKE '%FROM outbox WHERE seq >=%'`,
    [node.node],
  );
}

describePostgres('the feed', () => {
  const server = useServer();

  async function two() {
    const url = await server().newDatabase();
    const wire = await Wire.to(server().port);
    const a = await openNode([url]);
    const logger = testLogger();
    const { node: b, news } = await openFollowing([wire.through(url)], { logger });
    return { url, wire, a, b, news, logger };
  }

  /** A node that was cut off notices it a moment later. */
  const untilRefused = (ask: () => Promise<unknown>) =>
    until(() =>
      ask().then(
        () => false,
        (error: unknown) => {
          expect(error).toMatchObject(UNAVAILABLE);
          return true;
        },
      ),
    );

  it('tells of what others commit, each once and in order, after it can be read', async () => {
    const { a, b, news } = await two();
    await b.compareAndSet(BOB, 0, recordOf(1)); // its own is no news
    await a.compareAndSet(ALICE, 0, recordOf(1));
    await a.commit([
      { row: 'contact', owner: ALICE, target: BOB, value: true },
      { row: 'token', hash: 'hash', value: null },
    ]);
    await a.compareAndSet(BOB, 1, recordOf(2));
    await a.commit([person(ALICE), { row: 'presence', person: ALICE, expected: 1, value: null }]);
    const seen: unknown[] = [];
    news.meanwhile = async () => seen.push((await b.get(BOB))?.version);
    await until(() => news.told.length >= 6);
    await a.compareAndSet(ALICE, 0, recordOf(1));
    await until(() => news.told.length >= 7);
    expect(news.told).toEqual([
      'record alice',
      'tokens',
      'pair alice bob',
      'record bob',
      'person alice',
      'record alice',
      'record alice',
    ]);
    expect(seen.at(-1)).toBe(2);
  });

  it('what is told of can be read by then, also by whoever was reading it', async () => {
    const { a, b, news } = await two();
    const versions: number[] = [];
    news.meanwhile = async () => versions.push((await b.get(ALICE))?.version ?? 0);
    for (let version = 1; version <= 50; version++) {
      await Promise.all([b.get(ALICE), a.compareAndSet(ALICE, version - 1, recordOf(version)), b.get(ALICE)]);
    }
    await until(async () => (await b.get(ALICE))?.version === 50);
    await until(() => versions.at(-1) === 50);
    expect(versions).toEqual(versions.toSorted((one, other) => one - other));
  });

  it('an address that is given to another concerns whoever had it', async () => {
    const { a, b, news } = await two();
    const address = { network: 'left' as never, id: '1' };
    const give = (to: PersonId): DirectoryChange => {
      return { row: 'address', address, value: { person: to, kind: 'own' } };
    };
    await a.commit([person(ALICE), person(BOB), give(ALICE)]);
    await until(() => news.told.length >= 2);
    expect((await b.people.byId(ALICE))?.addresses).toHaveLength(1);
    news.told.length = 0;
    await a.commit([give(BOB)]);
    await until(() => news.told.length >= 2);
    expect(news.told.toSorted()).toEqual(['person alice', 'person bob']);
    expect((await b.people.byId(ALICE))?.addresses).toHaveLength(0);
    expect((await b.people.byAddress(address))?.id).toBe(BOB);
  });

  it('what is remembered is answered without the database, and kept true by what others commit', async () => {
    const { url, a, b, news } = await two();
    await a.compareAndSet(ALICE, 0, recordOf(1));
    await until(() => news.told.length === 1);
    expect(await b.get(ALICE)).toEqual(recordOf(1));
    await changeUnheard(url, ALICE, recordOf(5));
    expect(await b.get(ALICE)).toEqual(recordOf(1));
    expect(await a.get(ALICE)).toEqual(recordOf(5)); // it follows nobody, so it believes nothing
    await a.compareAndSet(ALICE, 5, recordOf(6));
    await until(async () => (await b.get(ALICE))?.version === 6);
  });

  it('hears at once of what it is notified of', async () => {
    const url = await server().newDatabase();
    const a = await openNode([url]);
    const { news } = await openFollowing([url], { clock: new ManualClock() }); // which never ticks
    await a.compareAndSet(ALICE, 0, recordOf(1));
    await until(() => news.told.length === 1);
    await a.commit([person(BOB)]);
    await until(() => news.told.length === 2);
    expect(news.told).toEqual(['record alice', 'person bob']);
  });

  it('needs no rights beyond its own tables', async () => {
    const url = await server().newDatabase();
    await queryAt(url, `CREATE ROLE ordinary LOGIN; GRANT CREATE ON DATABASE ${nameOf(url)} TO ordinary`);
    const mine = url.replace('postgres@', 'ordinary@');
    const a = await openNode([mine]);
    const { news } = await openFollowing([mine]);
    await a.compareAndSet(ALICE, 0, recordOf(1));
    await until(() => news.told.length === 1);
  });

  it('hears of what nobody notified it of', async () => {
    const url = await server().newDatabase();
    // The marks that one of the nodes makes would wake the others.
    (await openNode([url])).hold('retention', () => ({ [Symbol.asyncDispose]: () => Promise.resolve() }));
    const duties = 'SELECT FROM plexibridge.duties';
    await until(async () => (await queryAt(url, duties)).length === 1);
    const { node: b, news } = await openFollowing([url]);
    expect(await b.get(ALICE)).toBeNull();
    const record = encodeRecord(recordOf(1));
    await queryAt(
      url,
      `SET search_path = plexibridge; INSERT INTO presence VALUES ('alice', 1, 1, '${record}', NULL);
       SELECT append_outbox('another', '{alice}', ARRAY['${record}'], NULL)`,
    );
    await until(() => news.told.length > 0);
    expect(news.told).toEqual(['record alice']);
    expect(await b.get(ALICE)).toEqual(recordOf(1));
  });

  it('a node that cannot listen any more believes nothing until it does again, and has missed nothing then', async () => {
    const { url, a, b, news, logger } = await two();
    await a.compareAndSet(ALICE, 0, recordOf(1));
    await until(() => news.told.length === 1);
    expect(await believes(url, b, ALICE)).toBe(true);
    await cutListening(url, b);
    await until(async () => !(await believes(url, b, ALICE))); // though the database is there
    await a.compareAndSet(BOB, 0, recordOf(1));
    await a.commit([person(BOB)]);
    await until(() => news.told.length === 3);
    expect(news.told).toEqual(['record alice', 'record bob', 'person bob']);
    await until(() => believes(url, b, ALICE));
    expect(logger.lines.filter((line) => line.includes('heard'))).toEqual([
      expect.stringContaining('other nodes cannot be heard'),
      expect.stringContaining('other nodes are heard again'),
    ]);
  });

  it('a node that was cut off hears all of it when it is back', async () => {
    const { wire, a, b, news } = await two();
    await a.compareAndSet(ALICE, 0, recordOf(1));
    await until(() => news.told.length === 1);
    await b.get(ALICE);
    wire.break();
    await a.compareAndSet(ALICE, 1, recordOf(2));
    await a.commit([person(BOB)]);
    await untilRefused(() => b.get(ALICE));
    wire.mend();
    await until(() => news.told.length === 3);
    expect(news.told).toEqual(['record alice', 'record alice', 'person bob']);
    expect(await b.get(ALICE)).toEqual(recordOf(2));
  });

  it.each([
    { how: 'by the retention', change: '', told: 'missed' },
    {
      how: 'with all that came before',
      change: `; SELECT setval('plexibridge.outbox_seq', 1)`,
      told: 'missed, rewound',
    },
  ])(
    'a node that comes back after its place was forgotten $how reads all again',
    async ({ change, told }) => {
      const { url, wire, a, b, news } = await two();
      await a.compareAndSet(ALICE, 0, recordOf(1));
      await until(() => news.told.length === 1);
      await b.get(ALICE);
      wire.break();
      await a.compareAndSet(ALICE, 1, recordOf(2));
      await a.commit([person(BOB)]);
      await queryAt(url, `TRUNCATE plexibridge.outbox${change}`);
      wire.mend();
      await until(() => news.told.length === 2);
      expect(news.told).toEqual(['record alice', told]);
      expect(await b.get(ALICE)).toEqual(recordOf(2));
      await a.compareAndSet(ALICE, 2, recordOf(3));
      await until(() => news.told.length === 3);
      expect(await b.get(ALICE)).toEqual(recordOf(3));
    },
  );

  it.each([0, 5])('an older copy of the database is found out, %i commits later', async (commits) => {
    const { url, wire, a, b, news } = await two();
    await a.compareAndSet(ALICE, 0, recordOf(1));
    const dump = run('pg_dump', ['-d', url, '--create']);
    await a.compareAndSet(ALICE, 1, recordOf(2));
    await until(async () => (await b.get(ALICE))?.version === 2); // read, and perhaps not heard of yet
    wire.break();
    await a[Symbol.asyncDispose]();
    await server().query(`DROP DATABASE ${nameOf(url)} WITH (FORCE)`);
    run('psql', ['-q', '-d', server().url(), '-v', 'ON_ERROR_STOP=1'], dump);
    const c = await openNode([url]);
    for (let count = 0; count < commits; count++) await c.commit([person(BOB)]);
    wire.mend();
    await until(() => news.told.some((each) => each.startsWith('missed')));
    expect(news.told.filter((each) => each !== 'record alice')).toEqual(['missed, rewound']);
    expect(await b.get(ALICE)).toEqual(recordOf(1));
    // What is committed in the other life is heard, also where it has the version of what is gone.
    await c.compareAndSet(ALICE, 1, recordOf(2, { lastActivity: 7 }));
    await until(async () => (await b.get(ALICE))?.lastActivity === 7);
  });

  it('a standby that takes over may have lost what was shown', async () => {
    const { wire, a, b, news } = await two();
    await a.compareAndSet(ALICE, 0, recordOf(1));
    await until(() => news.told.length > 0);
    await b.get(ALICE);
    await using standby = await server().replica();
    await a.compareAndSet(BOB, 0, recordOf(1));
    await until(() => news.told.length > 1);
    news.told.length = 0;
    await standby.promote();
    wire.turnTo(standby.port);
    await until(() => news.told.length > 0);
    expect(news.told).toEqual(['missed, rewound']);
    await until(async () =>
      b.get(ALICE).then(
        (record) => record?.version === 1,
        () => false,
      ),
    );
  });

  it('a process that was halted believes nothing until it has read again', async () => {
    const url = await server().newDatabase();
    const a = await openNode([url]);
    await a.compareAndSet(ALICE, 0, recordOf(1));
    let skipped = 0;
    const clock: Clock = { ...systemClock, now: () => systemClock.now() + skipped };
    const { node: b } = await openFollowing([url], { clock });
    for (const jump of [60_000, -60_000]) {
      await until(() => believes(url, b, ALICE));
      skipped += jump; // a clock that is put back tells as little
      expect(await believes(url, b, ALICE)).toBe(false);
    }
  });

  it('a commit of which this node does not know what became is news to itself', async () => {
    const { url, wire, b, news } = await two();
    const stored = async () => {
      const [row] = await queryAt(url, `SELECT version FROM plexibridge.presence WHERE person = 'alice'`);
      return Number(row?.version ?? 0);
    };
    for (let done = false; !done;) {
      const before = await stored();
      wire.arm({ nth: 1, when: 'after' }); // which may be met by a read of the feed
      const outcome = await b.compareAndSet(ALICE, before, recordOf(before + 1)).catch(() => 'unknown');
      wire.arm(null);
      wire.mend();
      done = outcome === 'unknown' && (await stored()) > before;
    }
    await until(() => news.told.includes('record alice'));
    expect(news.told).not.toContain('missed');
  });

  it('the changes of several primaries are told one after the other', async () => {
    const shards = [await server().newDatabase(), await server().newDatabase(), await server().newDatabase()];
    const a = await openNode(shards);
    const { node: b, news } = await openFollowing(shards);
    let busy = 0;
    let most = 0;
    news.meanwhile = async () => {
      most = Math.max(most, ++busy);
      await new Promise((resolve) => setImmediate(resolve));
      busy--;
    };
    const people = Array.from({ length: 60 }, (_, index) => personId(`person-${index}`));
    await Promise.all(people.map((each) => a.compareAndSet(each, 0, recordOf(1))));
    await a.commit(
      people.map((each) => ({ row: 'presence', person: each, expected: 1, value: recordOf(2) })),
    );
    await until(() => news.told.length >= 120);
    expect(most).toBe(1);
    expect(news.told.toSorted()).toEqual(
      people.flatMap((each) => [`record ${each}`, `record ${each}`]).toSorted(),
    );
    const read = await Promise.all(people.map((each) => b.get(each)));
    expect(read.every((record) => record?.version === 2)).toBe(true);
  });

  it('cannot follow where a primary is out of reach', async () => {
    const url = await server().newDatabase();
    const wire = await Wire.to(server().port);
    const node = await openNode([wire.through(url)]);
    wire.break();
    const follower = { recordsChanged: never, directoryChanged: never, missed: never };
    await expect(node.follow(follower)).rejects.toMatchObject(UNAVAILABLE);
  });
});

describePostgres('a reader of the outbox', () => {
  const server = useServer();

  it('tells its place from any other that has the same number', async () => {
    const url = await server().newDatabase();
    const node = await openNode([url]);
    const options = { url, name: 'test', place: 'here', timeouts: TIMEOUTS, connections: 1 };
    await using primary = new Primary({ ...options, id: 'one', logger: testLogger() });
    const events = { notified: () => undefined, broken: () => undefined };
    await using reader = await OutboxReader.open(primary, events);
    const position = await reader.mark('me');
    await node.compareAndSet(ALICE, 0, recordOf(1));
    const rows = [expect.objectContaining({ node: node.node, people: [ALICE], rows: null })];
    expect(await reader.read(position, 10)).toEqual({ kind: 'rows', rows, isLast: true });
    expect(await reader.read(position, 1)).toEqual({ kind: 'rows', rows, isLast: false });
    const rewound = { kind: 'lost', rewound: true };
    expect(await reader.read({ ...position, at: '0' }, 10)).toEqual(rewound);
    expect(await reader.read({ ...position, node: 'another' }, 10)).toEqual(rewound);
    expect(await reader.read({ ...position, seq: 1_000 }, 10)).toEqual(rewound);
  });

  it('knows a database by its life, which goes on over any connection', async () => {
    const [url, other] = [await server().newDatabase(), await server().newDatabase()];
    await openNode([url]);
    await openNode([other]);
    const lives: string[] = [];
    const forgetful: boolean[] = [];
    for (const each of [url, url, other, `${url}?options=-csynchronous_commit%3Doff`]) {
      const options = { url: each, name: 'test', place: 'here', timeouts: TIMEOUTS, connections: 1 };
      await using primary = new Primary({ ...options, id: 'one', logger: testLogger() });
      const events = { notified: () => undefined, broken: () => undefined };
      await using reader = await OutboxReader.open(primary, events);
      lives.push(reader.life);
      forgetful.push(reader.forgetful);
    }
    expect(lives[1]).toBe(lives[0]);
    expect(lives[2]).not.toBe(lives[0]);
    expect(forgetful).toEqual([false, false, false, true]);
  });
});

function never(): Promise<void> {
  throw new Error('nothing happens');
}

function run(program: string, args: readonly string[], input?: string): string {
  return execFileSync(join(BINARIES ?? '', program), args, { encoding: 'utf8', input });
}
