import { expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../src/presence/clock.ts';
import type { PersonId } from '../../../src/presence/identity.ts';
import type { PresenceRecord } from '../../../src/presence/record.ts';
import { openPrimaries } from '../../../src/stores/postgres/open-store.ts';
import type { PostgresStore } from '../../../src/stores/postgres/postgres-store.ts';
import type { Primary } from '../../../src/stores/postgres/primary.ts';
import { shardOf } from '../../../src/stores/postgres/shard-map.ts';
import type { MoveStep } from '../../../src/stores/postgres/shard-mover.ts';
import { MOVE_STEPS, ShardMover } from '../../../src/stores/postgres/shard-mover.ts';
import { formatRanges, listShards, moveShards, parseRanges } from '../../../src/stores/shards.ts';
import { personId, recordOf } from '../../contract/records.ts';
import { testLogger } from '../data-folder.ts';
import { describePostgres } from './binaries.ts';
import { queryAt, until, useServer } from './cluster.ts';
import { openNode } from './stores.ts';

/** A shard that is on the second of two primaries, and one that is at home. */
const SHARD = 200;
const OTHER = 4;

/** So many people of one shard. */
function peopleOf(shard: number, count: number): PersonId[] {
  const people: PersonId[] = [];
  for (let index = 0; people.length < count; index++) {
    const person = personId(`person-${index}`);
    if (shardOf(person) === shard) people.push(person);
  }
  return people;
}

const PEOPLE = peopleOf(SHARD, 12);
const [ALICE, BOB, CLEO] = PEOPLE as [PersonId, PersonId, PersonId];
const [DORA] = peopleOf(OTHER, 1) as [PersonId];

describePostgres('moving shards', () => {
  const server = useServer();

  async function databases(count: number): Promise<string[]> {
    const urls: string[] = [];
    for (let i = 0; i < count; i++) urls.push(await server().newDatabase());
    return urls;
  }

  /** Databases whose second has somebody in the shard, and two nodes over them. */
  async function setUp(count = 2) {
    const urls = await databases(count);
    const nodes = [await openForgetful(urls), await openForgetful(urls)] as const;
    for (const person of PEOPLE) await nodes[0].compareAndSet(person, 0, recordOf(1));
    await nodes[0].compareAndSet(DORA, 0, recordOf(1));
    return { urls, nodes };
  }

  it('takes along all of a shard and nothing else, whatever changes meanwhile', async () => {
    const { urls, nodes } = await setUp();
    const [node] = nodes;
    const move = move1(urls, async (step) => {
      if (step !== 'copied') return;
      await node.compareAndSet(ALICE, 1, recordOf(2));
      await node.compareAndSet(DORA, 1, recordOf(2));
      await node.commit([{ row: 'presence', person: BOB, expected: 1, value: null }]);
      // One who is removed and begins anew comes to the same version.
      await node.commit([{ row: 'presence', person: CLEO, expected: 1, value: null }]);
      await node.compareAndSet(CLEO, 0, recordOf(1, { lastActivity: 7 }));
    });
    expect(await move).toMatchObject({ shard: SHARD, copied: PEOPLE.length });
    for (const each of [...nodes, await openNode(urls)]) {
      expect(await each.get(ALICE)).toEqual(recordOf(2));
      expect(await each.get(BOB)).toBeNull();
      expect(await each.get(CLEO)).toEqual(recordOf(1, { lastActivity: 7 }));
      expect(await each.get(DORA)).toEqual(recordOf(2));
    }
    expect(await node.compareAndSet(ALICE, 2, recordOf(3))).toBe(true);
    expect(await node.compareAndSet(BOB, 0, recordOf(1))).toBe(true);
    expect(await rowsAt(urls[0]!)).toEqual({ [SHARD]: PEOPLE.length, [OTHER]: 1 });
    expect(await rowsAt(urls[1]!)).toEqual({});
  });

  it('keeps the order at every step, and everybody who comes by reads what was acknowledged', async () => {
    const { urls, nodes } = await setUp();
    const steps: MoveStep[] = [];
    await move1(urls, async (step) => {
      steps.push(step);
      await expectOrder(urls);
      // One that has just come, and two that know the old place; they find the new one only when they must.
      const fresh = await openNode(urls);
      for (const node of [fresh, ...nodes]) expect(await readAnew(node, ALICE)).toEqual(recordOf(1));
      await fresh[Symbol.asyncDispose]();
    });
    expect(steps).toEqual(MOVE_STEPS);
  });

  it.each(MOVE_STEPS)('is ended by the next try when its mover dies once it is %s', async (last) => {
    for (const back of [false, true]) {
      const { urls, nodes } = await setUp();
      await crashAt(urls, last);
      await expectOrder(urls);
      for (const node of [await openNode(urls), nodes[0]])
        expect(await readAnew(node, ALICE)).toEqual(recordOf(1));
      const closed = ['closed', 'caught-up', 'readable', 'mapped', 'unreadable'].includes(last);
      if (!closed) {
        expect(await nodes[0].compareAndSet(ALICE, 1, recordOf(2))).toBe(true);
        await nodes[0].commit([{ row: 'presence', person: BOB, expected: 1, value: null }]);
      }
      // Another mover, to the same place or to where it came from, which dies there, too; then one that does not.
      await crashAt(urls, last, back ? 1 : 0);
      await expectOrder(urls);
      await moveShards(optionsOf(urls), [SHARD], back ? '2' : '1', () => undefined);
      const version = closed ? 1 : 2;
      for (const node of [await openNode(urls), ...nodes]) {
        expect(await node.get(ALICE)).toEqual(recordOf(version));
        expect(await node.get(BOB)).toEqual(closed ? recordOf(1) : null);
      }
      expect(await nodes[1].compareAndSet(ALICE, version, recordOf(version + 1))).toBe(true);
      const [here, gone] = back ? [urls[1]!, urls[0]!] : [urls[0]!, urls[1]!];
      expect((await rowsAt(here))[SHARD]).toBe(closed ? PEOPLE.length : PEOPLE.length - 1);
      expect((await rowsAt(gone))[SHARD]).toBeUndefined();
      expect(await unfinishedAt(urls)).toEqual([]);
    }
  });

  it.each(MOVE_STEPS)('can go on to a third primary when its mover died once it was %s', async (last) => {
    const { urls, nodes } = await setUp(3);
    const shard = 100; // on the second of three
    const person = peopleOf(shard, 1)[0]!;
    await nodes[0].compareAndSet(person, 0, recordOf(1));
    await crashAt(urls, last, 0, shard);
    await crashAt(urls, last, 2, shard);
    await expectOrder(urls);
    await moveShards(optionsOf(urls), [shard], '3', () => undefined);
    for (const node of [await openNode(urls), ...nodes]) expect(await node.get(person)).toEqual(recordOf(1));
    expect(await nodes[0].compareAndSet(person, 1, recordOf(2))).toBe(true);
    const rows = await Promise.all(urls.map(rowsAt));
    expect(rows.map((counts) => counts[shard])).toEqual([undefined, undefined, 1]);
    expect((await listShards(optionsOf(urls)))[2]?.shards).toContain(shard);
  });

  it('goes on where it was when the copy fails', async () => {
    const { urls, nodes } = await setUp();
    const [node] = nodes;
    for (const step of ['copied', 'closed', 'caught-up'] as const) {
      const failed = move1(urls, (reached) => {
        return reached === step ? Promise.reject(new Error('no more')) : Promise.resolve();
      });
      await expect(failed).rejects.toThrow('no more');
      expect(await unfinishedAt(urls)).toEqual([]);
    }
    expect(await node.compareAndSet(ALICE, 1, recordOf(2))).toBe(true);
    const spoiled = move1(urls, async (step) => {
      if (step === 'closed')
        await queryAt(urls[0]!, `DELETE FROM plexibridge.presence WHERE person = '${BOB}'`);
    });
    await expect(spoiled).rejects.toThrow(`the copy of shard ${SHARD} is not the same`);
    expect(await node.compareAndSet(ALICE, 2, recordOf(3))).toBe(true);
  });

  it('does nothing for a shard that is there, and refuses one whose primary has lost it', async () => {
    const { urls, nodes } = await setUp();
    expect(await move1(urls, undefined, 1)).toEqual({ shard: SHARD, copied: 0, closedMs: null });
    expect(await nodes[0].get(ALICE)).toEqual(recordOf(1));
    const copy = `INSERT INTO plexibridge.shards_here VALUES (${SHARD}, false)`;
    await queryAt(urls[0]!, copy);
    await queryAt(urls[1]!, `DELETE FROM plexibridge.shards_here WHERE shard = ${SHARD}`);
    for (const to of [0, 1]) {
      await expect(move1(urls, undefined, to)).rejects.toThrow('should be here and is not');
    }
    const left = await queryAt(urls[0]!, `SELECT FROM plexibridge.shards_here WHERE shard = ${SHARD}`);
    expect(left).toHaveLength(1);
  });

  it('trusts no copy that a failover has brought back', async () => {
    const { urls, nodes } = await setUp();
    for (const open of [true, false]) {
      await queryAt(urls[0]!, `INSERT INTO plexibridge.shards_here VALUES (${SHARD}, ${open})`);
      await queryAt(
        urls[0]!,
        `INSERT INTO plexibridge.presence VALUES ('${ALICE}', ${SHARD}, 9, '[9,null,null,null,null,[],null]', NULL)`,
      );
      expect(await unfinishedAt(urls)).toEqual([SHARD]);
      await move1(urls);
      expect(await nodes[0].get(ALICE)).toEqual(recordOf(1));
      await expectOrder(urls);
      await move1(urls, undefined, 1);
    }
  });

  it('is refused to a second mover, and to a primary that some node does not know', async () => {
    const { urls, nodes } = await setUp();
    await move1(urls, async (step) => {
      if (step !== 'copied') return;
      await expect(move1(urls)).rejects.toThrow('shards are being moved (plexibridge: shards)');
    });
    const more = [...urls, await server().newDatabase()];
    const unknown = moveShards(optionsOf(more), [SHARD], '3', () => undefined);
    const names = nodes.map(({ node }) => `plexibridge ${node}`).toSorted();
    await expect(unknown).rejects.toThrow(`${names.join(', ')} does not serve from it`);
    for (const node of nodes) await node[Symbol.asyncDispose]();
    const knowing = await openNode(more);
    await moveShards(optionsOf(more), [SHARD], '3', () => undefined);
    expect(await knowing.get(ALICE)).toEqual(recordOf(1));
  });

  it('loses nothing and repeats nothing under writers and readers of two nodes', async () => {
    const { urls, nodes } = await setUp(3);
    const shards = [...new Set([SHARD, OTHER, 100, 101])];
    const people = shards.flatMap((shard) => peopleOf(shard, 2));
    const history = new History(nodes, people);
    await history.follow();
    const load = history.run();
    load.catch(() => undefined); // told by whoever waits for it
    let longest = 0;
    for (let round = 0; round < 6; round++) {
      await Promise.race([history.goOn(5), load]);
      await moveShards(optionsOf(urls), shards, String((round % 3) + 1), ({ closedMs }) => {
        longest = Math.max(longest, closedMs ?? 0);
      });
    }
    history.stop();
    await load;
    process.stderr.write(`shards took no writes for ${longest} ms at most, under load\n`);
    for (const node of [...nodes, await openNode(urls)]) await history.expectAllIn(node);
    await history.expectAllTold();
    expect(await unfinishedAt(urls)).toEqual([]);
    const rows = await Promise.all(urls.map(rowsAt));
    expect(rows.map((counts) => shards.filter((shard) => counts[shard] !== undefined).length)).toEqual([
      0, 0, 4,
    ]);
  });

  it('tells which primary has what', async () => {
    const { urls } = await setUp();
    await crashAt(urls, 'closed');
    const place = (url: string) => new URL(url).host + new URL(url).pathname;
    expect(await listShards(optionsOf(urls))).toEqual([
      { number: 1, place: place(urls[0]!), shards: parseRanges('0-127'), records: 1, unfinished: [] },
      {
        number: 2,
        place: place(urls[1]!),
        shards: parseRanges('128-255'),
        records: PEOPLE.length,
        unfinished: [SHARD],
      },
    ]);
    await moveShards(optionsOf(urls), [SHARD], place(urls[0]!).replace(/:\d+/, ''), () => undefined);
    expect((await listShards(optionsOf(urls))).map(({ records }) => records)).toEqual([PEOPLE.length + 1, 0]);
    await expect(moveShards(optionsOf(urls), [SHARD], '3', () => undefined)).rejects.toThrow('no primary 3');
  });

  it('reads and writes ranges', () => {
    expect(parseRanges('7')).toEqual([7]);
    expect(parseRanges('40, 0-3,2')).toEqual([0, 1, 2, 3, 40]);
    expect(parseRanges('0-255')).toHaveLength(256);
    for (const text of ['', '256', '3-1', 'x', '1-', '-1', '1,,2', '0-256']) {
      expect(() => parseRanges(text), text).toThrow(RangeError);
    }
    expect(formatRanges([40, 3, 1, 0, 2])).toBe('0-3,40');
    expect(formatRanges([])).toBe('');
  });
});

/** A node that remembers one record only. */
function openForgetful(urls: readonly string[]): Promise<PostgresStore> {
  return openNode(urls, { cacheSize: 1 });
}

/** As the database has it now. */
async function readAnew(node: PostgresStore, person: PersonId) {
  await node.get(DORA);
  return node.get(person);
}

function optionsOf(shards: readonly string[]) {
  return { shards, clock: systemClock, logger: testLogger() };
}

type Reached = (step: MoveStep) => Promise<void>;

async function withMover<T>(
  urls: readonly string[],
  reached: Reached,
  work: (mover: ShardMover, primaries: readonly Primary[]) => Promise<T>,
): Promise<T> {
  const settings = { shards: urls, connections: 1, logger: testLogger() };
  const primaries = await openPrimaries(settings, 'plexibridge: shards');
  try {
    await using mover = await ShardMover.begin({ primaries, clock: systemClock, reached });
    return await work(mover, primaries);
  } finally {
    for (const primary of primaries) await primary[Symbol.asyncDispose]();
  }
}

async function move1(
  urls: readonly string[],
  reached: Reached = () => Promise.resolve(),
  to = 0,
  shard = SHARD,
) {
  return withMover(urls, reached, (mover, primaries) => mover.move(shard, primaries[to]!));
}

/** A mover that is gone after a step, with its connections: it cannot even undo. Where it does not come to it, it ends. */
async function crashAt(urls: readonly string[], last: MoveStep, to = 0, shard = SHARD): Promise<void> {
  let gone = (): Promise<void> => Promise.resolve();
  const reached = async (step: MoveStep) => {
    if (step !== last) return;
    await gone();
    throw new Error('gone');
  };
  await withMover(urls, reached, async (mover, primaries) => {
    gone = () => mover[Symbol.asyncDispose]();
    await mover.move(shard, primaries[to]!).catch((error: unknown) => {
      if (!String(error).includes('gone')) throw error;
    });
  });
}

/** What must hold of every shard at any time; see `ShardMover`. */
async function expectOrder(urls: readonly string[]): Promise<void> {
  const mapped = await queryAt(urls[0]!, 'SELECT shard, primary_id FROM plexibridge.shards');
  const places = await Promise.all(
    urls.map(async (url) => {
      const [{ id }] = await queryAt(url, 'SELECT id FROM plexibridge.identity');
      const here = await queryAt(url, 'SELECT shard, open FROM plexibridge.shards_here');
      const rows = await queryAt(
        url,
        'SELECT shard, person, record FROM plexibridge.presence ORDER BY person',
      );
      return { id, open: new Map(here.map(({ shard, open }) => [shard, open])), rows };
    }),
  );
  for (const { shard, primary_id } of mapped) {
    const holders = places.filter(({ open }) => open.has(shard));
    expect(holders.map(({ id }) => id)).toContain(primary_id);
    if (holders.some(({ open }) => open.get(shard))) expect(holders).toHaveLength(1);
    const copies = holders.map(({ rows }) => JSON.stringify(rows.filter((row) => row.shard === shard)));
    expect(new Set(copies).size).toBe(1);
  }
}

async function unfinishedAt(urls: readonly string[]): Promise<number[]> {
  return (await listShards(optionsOf(urls))).flatMap(({ unfinished }) => unfinished);
}

/** Rows of each shard, readable or not. */
async function rowsAt(url: string): Promise<Record<number, number>> {
  const rows = await queryAt(
    url,
    'SELECT shard, count(*)::int AS rows FROM plexibridge.presence GROUP BY shard',
  );
  return Object.fromEntries(rows.map((row) => [row.shard, row.rows]));
}

type Change = [person: PersonId, expected: number, value: PresenceRecord];

/** Writers and readers of two nodes, and what they were told. */
class History {
  readonly #nodes: readonly PostgresStore[];
  readonly #people: readonly PersonId[];
  /** Acknowledged writes of each, by version: a mark, and which node wrote it. */
  readonly #written = new Map<
    PersonId,
    Map<number, { readonly mark: number; readonly node: PostgresStore }>
  >();
  /** The newest of these by each node. */
  readonly #newest = new Map<PostgresStore, Map<PersonId, number>>();
  /** How often each node was told that others changed somebody, and what it read then. */
  readonly #told = new Map<
    PostgresStore,
    Map<PersonId, { readonly times: number; readonly version: number }>
  >();
  /** Commits of each node take turns, as those of a bridge do. */
  readonly #turns = new Map<PostgresStore, Promise<unknown>>();
  #stopped = false;
  #rounds = 0;
  #waiting: { readonly rounds: number; readonly resolve: () => void }[] = [];

  constructor(nodes: readonly PostgresStore[], people: readonly PersonId[]) {
    this.#nodes = nodes;
    this.#people = people;
    for (const person of people) this.#written.set(person, new Map());
    for (const node of nodes) this.#newest.set(node, new Map());
    onTestFinished(() => this.stop());
  }

  async follow(): Promise<void> {
    for (const node of this.#nodes) {
      const told = new Map<PersonId, { readonly times: number; readonly version: number }>();
      this.#told.set(node, told);
      await node.follow({
        recordsChanged: async (people) => {
          for (const person of people) {
            const before = told.get(person);
            const version = (await node.get(person))?.version ?? 0;
            expect(version).toBeGreaterThanOrEqual(before?.version ?? 0);
            told.set(person, { times: (before?.times ?? 0) + 1, version });
          }
        },
        directoryChanged: () => Promise.resolve(),
        missed: () => expect.unreachable('nothing is missed'),
      });
    }
  }

  /** Ends when stopped. */
  async run(): Promise<void> {
    const work = this.#nodes.flatMap((node, index) => [
      this.#read(node),
      ...this.#people.map((person) => this.#write(node, person, index)),
    ]);
    await Promise.all(work);
  }

  stop(): void {
    this.#stopped = true;
  }

  /** Resolves when so many more writes of each have been acknowledged. */
  async goOn(rounds: number): Promise<void> {
    const until = this.#rounds + rounds * this.#people.length;
    await new Promise<void>((resolve) => this.#waiting.push({ rounds: until, resolve }));
  }

  /** Every acknowledged write is in it, and nothing that was not. */
  async expectAllIn(node: PostgresStore): Promise<void> {
    for (const person of this.#people) {
      const record = await node.get(person);
      const written = this.#written.get(person)!;
      const newest = Math.max(...written.keys());
      expect(record?.version).toBe(newest);
      expect(record?.lastActivity).toBe(written.get(newest)?.mark);
      expect(written.size).toBeGreaterThanOrEqual(newest - 1);
    }
  }

  /** Each node has been told of what the others committed until the end, and of no commit twice. */
  async expectAllTold(): Promise<void> {
    for (const [node, told] of this.#told) {
      for (const person of this.#people) {
        const others = [...this.#written.get(person)!].filter(([, write]) => write.node !== node);
        const newest = Math.max(...others.map(([version]) => version));
        await until(() => (told.get(person)?.version ?? 0) >= newest);
        expect(told.get(person)?.times).toBeLessThanOrEqual(others.length);
      }
    }
  }

  /** The newest version that this node was acknowledged. */
  #newestOf(node: PostgresStore, person: PersonId): number {
    return this.#newest.get(node)?.get(person) ?? 0;
  }

  async #write(node: PostgresStore, person: PersonId, mark: number): Promise<void> {
    const written = this.#written.get(person)!;
    for (let count = 0; !this.#stopped; count++) {
      const before = this.#newestOf(node, person);
      const version = (await node.get(person))?.version ?? 0;
      expect(version).toBeGreaterThanOrEqual(before);
      const lastActivity = 2 * count + mark;
      const record = recordOf(version + 1, { lastActivity });
      // Each tenth in a commit of the directory, which may span primaries.
      const won =
        count % 10 === 9
          ? await this.#commit(node, person, version, record)
          : await node.compareAndSet(person, version, record);
      if (!won) continue;
      expect(written.has(version + 1)).toBe(false);
      written.set(version + 1, { mark: lastActivity, node });
      this.#newest.get(node)?.set(person, version + 1);
      this.#acknowledged();
    }
  }

  #commit(node: PostgresStore, ...change: Change): Promise<boolean> {
    const turn = (this.#turns.get(node) ?? Promise.resolve()).then(() => this.#commitNow(node, ...change));
    this.#turns.set(
      node,
      turn.catch(() => undefined),
    );
    return turn;
  }

  async #commitNow(node: PostgresStore, ...[person, expected, value]: Change): Promise<boolean> {
    try {
      await node.commit([
        { row: 'presence', person, expected, value },
        { row: 'meta', key: `last of ${person}`, value: String(value.version) },
      ]);
      return true;
    } catch (error) {
      expect(error).toMatchObject({ code: 'conflict' });
      return false;
    }
  }

  /** Nobody reads less than the node has acknowledged before, nor less than it has read. */
  async #read(node: PostgresStore): Promise<void> {
    const seen = new Map<PersonId, number>();
    while (!this.#stopped) {
      for (const person of this.#people) {
        const least = Math.max(seen.get(person) ?? 0, this.#newestOf(node, person));
        const version = (await node.get(person))?.version ?? 0;
        expect(version).toBeGreaterThanOrEqual(least);
        seen.set(person, version);
      }
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #acknowledged(): void {
    this.#rounds++;
    this.#waiting = this.#waiting.filter(({ rounds, resolve }) => {
      if (this.#rounds < rounds) return true;
      resolve();
      return false;
    });
  }
}
