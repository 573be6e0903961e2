import { expect, it } from 'vitest';
import { Primary } from '../../../src/stores/postgres/primary.ts';
import { personId, recordOf } from '../../contract/records.ts';
import { testLogger } from '../data-folder.ts';
import { describePostgres } from './binaries.ts';
import { queryAt, until, useServer } from './cluster.ts';
import { openNode } from './stores.ts';
import { Wire } from './wire.ts';

const [ALICE, BOB] = [personId('alice'), personId('bob')];
const UNAVAILABLE = { code: 'store_unavailable' };
/** Short, so that a test need not wait long; ms. */
const TIMEOUTS = { connect: 300, statement: 300 };
/** What a call may take at most with these: the statement under way, the next connection, and a slow machine. */
const BOUND_MS = 10_000;

describePostgres('outages', () => {
  const server = useServer();

  it('a primary that is stopped is unavailable, and works again once it is back', async () => {
    const logger = testLogger();
    const node = await openNode([await server().newDatabase()], { logger });
    await node.compareAndSet(ALICE, 0, recordOf(1));
    logger.lines.length = 0;
    await server().stop();
    try {
      await expect(node.get(ALICE)).rejects.toMatchObject(UNAVAILABLE);
      await expect(node.compareAndSet(ALICE, 1, recordOf(2))).rejects.toMatchObject(UNAVAILABLE);
      await expect(node.meta('key')).rejects.toMatchObject(UNAVAILABLE);
      await expect(node.position()).rejects.toMatchObject(UNAVAILABLE);
      await expect(node.unsettled(0).next()).rejects.toMatchObject(UNAVAILABLE);
      const commit = node.commit([{ row: 'meta', key: 'key', value: 'value' }]);
      await expect(commit).rejects.toMatchObject(UNAVAILABLE);
    } finally {
      await server().start();
    }
    expect(await node.get(ALICE)).toEqual(recordOf(1));
    expect(await node.compareAndSet(ALICE, 1, recordOf(2))).toBe(true);
    // Told once when it began, and once when it was over.
    expect(logger.lines).toEqual([
      expect.stringMatching(/the store does not answer as it should: /),
      expect.stringMatching(/^127\.0\.0\.1:\d+\/test_\d+: the store answers again$/),
    ]);
  });

  it('what was acknowledged is there after a crash of the server', async () => {
    const node = await openNode([await server().newDatabase()]);
    let acknowledged = 0;
    const writing = (async () => {
      for (let version = 1; ; version++) {
        await node.compareAndSet(ALICE, version - 1, recordOf(version));
        acknowledged = version;
      }
    })().catch((error: unknown) => error);
    await until(() => acknowledged > 20);
    await server().kill();
    expect(await writing).toMatchObject(UNAVAILABLE);
    await server().start();
    const { version } = (await node.get(ALICE))!;
    expect([acknowledged, acknowledged + 1]).toContain(version);
    expect(await node.compareAndSet(ALICE, version, recordOf(version + 1))).toBe(true);
  });

  it('a primary that hangs is unavailable in bounded time, and works again once it goes on', async () => {
    const url = await server().newDatabase();
    const node = await openNode([url], { timeouts: TIMEOUTS });
    await node.compareAndSet(ALICE, 0, recordOf(1));
    server().pause();
    try {
      const from = performance.now();
      const outcomes = await Promise.allSettled([
        node.get(ALICE),
        node.compareAndSet(ALICE, 1, recordOf(2)),
        node.meta('key'),
      ]);
      for (const outcome of outcomes) expect(outcome).toMatchObject({ reason: UNAVAILABLE });
      await expect(node.get(ALICE)).rejects.toMatchObject(UNAVAILABLE); // cannot even connect
      expect(performance.now() - from).toBeLessThan(BOUND_MS);
    } finally {
      server().resume();
    }
    // What was under way may have been done, once.
    const { version } = (await node.get(ALICE))!;
    expect([1, 2]).toContain(version);
    expect(await node.compareAndSet(ALICE, version, recordOf(version + 1))).toBe(true);
  });

  it('a node cannot start over a primary that hangs, and says so in bounded time', async () => {
    const url = await server().newDatabase();
    server().pause();
    const from = performance.now();
    await expect(openNode([url], { timeouts: TIMEOUTS })).rejects.toThrow(/timeout/);
    expect(performance.now() - from).toBeLessThan(BOUND_MS);
    server().resume();
  });

  it.each(['before', 'after'] as const)(
    'a write whose connection breaks %s the server has it is done or not, and later ones build on what is there',
    async (when) => {
      const wire = await Wire.to(server().port);
      const node = await openNode([wire.through(await server().newDatabase())]);
      await node.compareAndSet(ALICE, 0, recordOf(1));
      wire.arm({ nth: 1, when });
      await expect(node.compareAndSet(ALICE, 1, recordOf(2))).rejects.toMatchObject(UNAVAILABLE);
      wire.arm(null);
      wire.mend();
      const version = when === 'after' ? 2 : 1;
      expect(await node.get(ALICE)).toEqual(recordOf(version));
      expect(await node.compareAndSet(ALICE, version, recordOf(version + 1))).toBe(true);
    },
  );

  it.each(['before', 'after'] as const)(
    'a commit whose connection breaks %s the server has it is all done or not at all',
    async (when) => {
      const wire = await Wire.to(server().port);
      const node = await openNode([wire.through(await server().newDatabase())]);
      await node.meta('key');
      wire.arm({ nth: 1, when });
      const commit = node.commit([
        { row: 'meta', key: 'key', value: 'value' },
        { row: 'presence', person: ALICE, expected: 0, value: recordOf(1) },
      ]);
      await expect(commit).rejects.toMatchObject(UNAVAILABLE);
      wire.arm(null);
      wire.mend();
      const done = when === 'after';
      expect(await node.meta('key')).toBe(done ? 'value' : null);
      expect(await node.get(ALICE)).toEqual(done ? recordOf(1) : null);
    },
  );

  it('a queue that is full refuses at once, and nothing is lost of what it holds', async () => {
    const url = await server().newDatabase();
    const node = await openNode([url], { queueLimit: 4, timeouts: { connect: 5_000, statement: 30_000 } });
    await node.get(ALICE);
    server().pause();
    const people = Array.from({ length: 12 }, (_, index) => personId(`person-${index}`));
    const first = node.compareAndSet(ALICE, 0, recordOf(1));
    // The first has left the queue by itself.
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
    const writes = people.map((person) => node.compareAndSet(person, 0, recordOf(1)));
    const settled = Promise.allSettled(writes);
    await expect(writes[4]).rejects.toMatchObject({ code: 'overloaded', retryAfterMs: 1_000 });
    server().resume();
    expect(await first).toBe(true);
    const outcomes = await settled;
    expect(outcomes.map(({ status }) => status === 'fulfilled')).toEqual(people.map((_, index) => index < 4));
    expect(await node.get(people[3]!)).toEqual(recordOf(1));
    expect(await node.get(people[4]!)).toBeNull();
  });

  it('a standby that takes over behind the same address is found without a restart', async () => {
    const url = await server().newDatabase();
    const wire = await Wire.to(server().port);
    const node = await openNode([wire.through(url)]);
    await node.compareAndSet(ALICE, 0, recordOf(1));
    await using standby = await server().replica();
    wire.turnTo(standby.port);
    // Not yet: it is read by nobody while it only follows.
    await expect(node.get(ALICE)).rejects.toMatchObject(UNAVAILABLE);
    await standby.promote();
    expect(await node.get(ALICE)).toEqual(recordOf(1));
    expect(await node.compareAndSet(ALICE, 1, recordOf(2))).toBe(true);
  });

  it('a connection to a server that takes no more writes is not used again', async () => {
    const url = await server().newDatabase();
    const common = { place: '', name: 'test', timeouts: { connect: 5_000, statement: 5_000 } };
    await using primary = new Primary({ ...common, id: '', url, connections: 1, logger: testLogger() });
    await primary.query('SET default_transaction_read_only = on');
    await expect(primary.query('CREATE TABLE public.t ()')).rejects.toMatchObject(UNAVAILABLE);
    await primary.query('CREATE TEMPORARY TABLE t ()');
    // One that merely refuses a statement is.
    await expect(primary.query('SELECT 1 / 0')).rejects.toMatchObject(UNAVAILABLE);
    expect(await primary.query('SELECT * FROM t')).toEqual([]);
    await expect(primary.query('SHOW default_transaction_read_only')).resolves.toEqual([
      { default_transaction_read_only: 'off' },
    ]);
  });

  it('whoever time will still change is found, however many they are', async () => {
    const url = await server().newDatabase();
    const node = await openNode([url]);
    const [settledAt, count] = [2 ** 40, 2_500];
    await queryAt(
      url,
      `INSERT INTO plexibridge.presence
       SELECT 'person-' || i, i % 256, i, '[' || i || ',null,null,null,null,[],' || $1::bigint + i || ']', $2::bigint
       FROM generate_series(1, ${count}) AS s (i)`,
      [settledAt, settledAt / 2 ** 22],
    );
    const found = new Set<number>();
    for await (const [person, { version }] of node.unsettled(settledAt)) {
      expect(person).toBe(`person-${version}`);
      found.add(version);
    }
    expect(found.size).toBe(count);
  });

  it('closing finishes what was accepted, and refuses what comes later', async () => {
    const url = await server().newDatabase();
    const node = await openNode([url]);
    const write = node.compareAndSet(ALICE, 0, recordOf(1));
    const commit = node.commit([{ row: 'presence', person: BOB, expected: 0, value: recordOf(1) }]);
    const closed = node[Symbol.asyncDispose]();
    await expect(node.get(ALICE)).rejects.toMatchObject(UNAVAILABLE);
    await expect(node.compareAndSet(ALICE, 1, recordOf(2))).rejects.toMatchObject(UNAVAILABLE);
    expect(await write).toBe(true);
    await commit;
    await closed;
    await expect(node.meta('key')).rejects.toMatchObject(UNAVAILABLE);
    const later = await openNode([url]);
    expect([await later.get(ALICE), await later.get(BOB)]).toEqual([recordOf(1), recordOf(1)]);
  });

  it('any id is asked for without harm to others that are asked for with it', async () => {
    const node = await openNode([await server().newDatabase()]);
    const odd = ['nul\0', 'lone \ud800', '\udfff', '"', '\\', '{}', 'x'.repeat(100_000)];
    const outcomes = await Promise.all(odd.map((id) => node.people.byId(personId(id))));
    expect(outcomes.every((person) => person === null)).toBe(true);
    const network = 'left' as never;
    const found = await Promise.all(odd.slice(0, 6).map((id) => node.people.byAddress({ network, id })));
    expect(found.every((person) => person === null)).toBe(true);
    await node.commit([
      ...odd.slice(0, 6).map((key) => ({ row: 'meta', key, value: key }) as const),
      {
        row: 'person',
        id: ALICE,
        value: { displayName: odd[1]!, avatarUrl: null, visibility: 'everyone', createdAt: 1 },
      },
    ]);
    expect(await Promise.all(odd.slice(0, 6).map((key) => node.meta(key)))).toEqual(odd.slice(0, 6));
    expect((await node.people.byId(ALICE))?.displayName).toBe(odd[1]);
    expect(await node.people.page(personId(odd[0]!), 10)).toEqual([]);
    const status = { text: odd[1]! + odd[0]!, emoji: null, origin: 'bridge', expiresAt: null } as const;
    const record = recordOf(1, { status });
    expect(await node.compareAndSet(ALICE, 0, record)).toBe(true);
    expect(await node.get(ALICE)).toEqual(record);
  });
});
