import { Client } from 'pg';
import { expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../src/presence/clock.ts';
import type { DirectoryChange } from '../../../src/presence/directory.ts';
import type { PersonId } from '../../../src/presence/identity.ts';
import type { PostgresStore } from '../../../src/stores/postgres/postgres-store.ts';
import { Primary, TIMEOUTS } from '../../../src/stores/postgres/primary.ts';
import { OUTBOX_LOCK } from '../../../src/stores/postgres/schema.ts';
import { firstPlace } from '../../../src/stores/postgres/set-up.ts';
import { shardOf } from '../../../src/stores/postgres/shard-map.ts';
import { Recovery } from '../../../src/stores/postgres/two-phase.ts';
import { personId, recordOf } from '../../contract/records.ts';
import { ManualClock } from '../../helpers/clock.ts';
import { testLogger } from '../data-folder.ts';
import { describePostgres } from './binaries.ts';
import { queryAt, until, useServer } from './cluster.ts';
import { openNode } from './stores.ts';
import type { Cut } from './wire.ts';
import { Wire } from './wire.ts';

/** Somebody whose record is on the nth of as many primaries. */
function somebodyAt(nth: number, primaries: number): PersonId {
  for (let index = 0; ; index++) {
    const person = personId(`person-${index}`);
    if (firstPlace(shardOf(person), primaries) === nth) return person;
  }
}

const AT_HOME = somebodyAt(0, 3);
const AWAY = somebodyAt(1, 3);
const FAR = somebodyAt(2, 3);

function presence(person: PersonId, expected: number): DirectoryChange {
  return { row: 'presence', person, expected, value: recordOf(expected + 1) };
}

/** Everything at once, from version 1 to 2. */
const CHANGES: readonly DirectoryChange[] = [
  ...[AT_HOME, AWAY, FAR].map((person) => presence(person, 1)),
  { row: 'meta', key: 'changed', value: 'yes' },
];

async function stateOf(store: PostgresStore): Promise<unknown[]> {
  const versions = await Promise.all(
    [AT_HOME, AWAY, FAR].map(async (person) => (await store.get(person))?.version),
  );
  return [...versions, await store.meta('changed')];
}

const NOTHING = [1, 1, 1, null];
const ALL = [2, 2, 2, 'yes'];

describePostgres('commits that span primaries', () => {
  const server = useServer();

  async function setUp() {
    const shards = [await server().newDatabase(), await server().newDatabase(), await server().newDatabase()];
    const survivor = await openNode(shards, { clock: new ManualClock() });
    for (const person of [AT_HOME, AWAY, FAR]) await survivor.compareAndSet(person, 0, recordOf(1));
    const wire = await Wire.to(server().port);
    const victim = await openNode(
      shards.map((url) => wire.through(url)),
      { clock: new ManualClock() },
    );
    // Connected to each, so that statements are those of the commit alone.
    await stateOf(victim);
    return { shards, survivor, wire, victim };
  }

  /** What another node does for one that has died. */
  async function recoverAt(shards: readonly string[]): Promise<void> {
    const primaries = await Promise.all(
      shards.map(async (url) => {
        const [{ id }] = await queryAt(url, 'SELECT id FROM plexibridge.identity');
        const common = { place: '', name: 'test', connections: 1, timeouts: TIMEOUTS, logger: testLogger() };
        return new Primary({ ...common, id, url });
      }),
    );
    onTestFinished(async () => {
      await Promise.all(primaries.map((primary) => primary[Symbol.asyncDispose]()));
    });
    const [home, ...others] = primaries;
    await new Recovery({ home: home!, others, clock: systemClock, logger: testLogger() }).run(0);
  }

  async function prepared(): Promise<unknown[]> {
    return server().query('SELECT gid FROM pg_prepared_xacts');
  }

  it('change all or nothing, and leave nothing behind', async () => {
    const { survivor, victim } = await setUp();
    await victim.commit(CHANGES);
    expect(await stateOf(survivor)).toEqual(ALL);
    const stale = victim.commit([presence(AT_HOME, 2), presence(AWAY, 1)]);
    await expect(stale).rejects.toMatchObject({ code: 'conflict', message: '' });
    const staleAtHome = victim.commit([presence(AT_HOME, 1), presence(AWAY, 2)]);
    await expect(staleAtHome).rejects.toMatchObject({ code: 'conflict', message: '' });
    expect(await stateOf(survivor)).toEqual(ALL);
    expect(await prepared()).toEqual([]);
  });

  it('a rule that home refuses is told, and the others keep nothing', async () => {
    const { survivor, victim } = await setUp();
    const address = (id: string): DirectoryChange => {
      const value = { person: AWAY, kind: 'own' } as const;
      return { row: 'address', address: { network: 'left' as never, id }, value };
    };
    const doubled = victim.commit([presence(AWAY, 1), address('1'), address('2')]);
    await expect(doubled).rejects.toMatchObject({ code: 'conflict', message: /at most one/ });
    expect(await stateOf(survivor)).toEqual(NOTHING);
    expect(await prepared()).toEqual([]);
  });

  it('of commits that cross each other one wins, and none waits for the other’s locks in a ring', async () => {
    const { survivor, victim } = await setUp();
    for (let version = 1; version <= 10; version++) {
      const changes = [FAR, AWAY, AT_HOME].map((person) => presence(person, version));
      const outcomes = await Promise.allSettled([
        survivor.commit(changes),
        victim.commit(changes.toReversed()),
      ]);
      expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
      const refused = outcomes.find(({ status }) => status === 'rejected');
      expect(refused).toMatchObject({ reason: { code: 'conflict', message: '' } });
    }
    expect(await prepared()).toEqual([]);
  });

  it.each([
    ['stays away: the others keep what they promised until it can be asked', undefined],
    ['is back at once: it is asked, and the others carry it out', true as const],
  ])('home that decides, and whose answer is lost, %s', async (_, mends) => {
    const shards = [
      await server().newDatabase(),
      await server().newDatabase(),
      await server().newDatabase(),
    ] as const;
    const wire = await Wire.to(server().port);
    const clock = new ManualClock();
    const node = await openNode([wire.through(shards[0]), shards[1], shards[2]], { clock });
    for (const person of [AT_HOME, AWAY, FAR]) await node.compareAndSet(person, 0, recordOf(1));
    wire.arm({ nth: 1, when: 'after', ...(mends && { mends }) });
    await expect(node.commit(CHANGES)).rejects.toMatchObject({ code: 'store_unavailable' });
    if (!mends) {
      expect(await prepared()).toHaveLength(2);
      await recoverAt(shards);
    }
    expect(await prepared()).toEqual([]);
    wire.arm(null);
    wire.mend();
    expect(await stateOf(node)).toEqual(ALL);
  });

  // BEGIN, call, PREPARE at each of the two others; the decision; COMMIT PREPARED and NOTIFY at each.
  const STATEMENTS = 11;
  const DECISION = 7;
  const cuts = Array.from({ length: STATEMENTS }, (_, index): Cut[] => [
    { nth: index + 1, when: 'before' },
    { nth: index + 1, when: 'after' },
  ]).flat();

  it.each(cuts)('a node that dies $when statement $nth leaves all or nothing', async ({ nth, when }) => {
    const { shards, survivor, wire, victim } = await setUp();
    wire.arm({ nth, when });
    const [outcome] = await Promise.allSettled([victim.commit(CHANGES)]);
    expect(wire.isBroken).toBe(true);
    await recoverAt(shards);
    const decided = nth > DECISION || (nth === DECISION && when === 'after');
    expect(await stateOf(survivor)).toEqual(decided ? ALL : NOTHING);
    if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'store_unavailable' });
    else expect(decided).toBe(true);
    expect(await prepared()).toEqual([]);
    // Everything takes writes again.
    await survivor.commit([AT_HOME, AWAY, FAR].map((person) => presence(person, decided ? 2 : 1)));
  });

  it('has counted the statements of a commit', async () => {
    const { wire, victim } = await setUp();
    wire.arm(null);
    await victim.commit(CHANGES);
    expect(wire.statements).toBe(STATEMENTS);
  });

  it('a node that decides too late, because another has given it up, commits nothing', async () => {
    const { shards, survivor, victim } = await setUp();
    const home = shards[0]!;
    // Home keeps the decision waiting while the others have promised already.
    const blocker = new Client(home);
    await blocker.connect();
    await blocker.query(`BEGIN; SELECT pg_advisory_xact_lock(${OUTBOX_LOCK})`);
    const commit = Promise.allSettled([victim.commit(CHANGES)]);
    await until(async () => (await prepared()).length === 2);
    await recoverAt(shards);
    await blocker.end();
    const [outcome] = await commit;
    expect(outcome).toMatchObject({ status: 'rejected', reason: { code: 'store_unavailable' } });
    expect(await stateOf(survivor)).toEqual(NOTHING);
    expect(await prepared()).toEqual([]);
  });
});
