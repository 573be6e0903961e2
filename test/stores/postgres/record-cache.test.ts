import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PersonId } from '../../../src/presence/identity.ts';
import type { PresenceRecord } from '../../../src/presence/record.ts';
import type { Held } from '../../../src/stores/postgres/caching.ts';
import { RecordCache } from '../../../src/stores/postgres/record-cache.ts';
import { personId, recordOf } from '../../contract/records.ts';
import { settled } from '../../helpers/settled.ts';
import { SlowReads } from './slow-reads.ts';

const PEOPLE = ['alice', 'bob', 'carol'].map(personId);

interface Commit {
  readonly person: PersonId;
  readonly record: PresenceRecord | null;
}

/** One primary, its commits in order, and a node that hears of them late. */
class World {
  readonly reads = new SlowReads();
  readonly cache: RecordCache;
  readonly commits: Commit[] = [];
  /** Places that this node was told of, by itself or by the feed. */
  readonly #known = new Set<number>();
  readonly #unanswered: number[] = [];
  #heard = 0;
  believed = true;

  constructor(max: number) {
    this.cache = new RecordCache({ max, believed: () => this.believed, heardOf: () => this.#heard });
  }

  get(person: PersonId): Promise<PresenceRecord | null> {
    return this.cache.get(person, () => this.reads.read(() => Promise.resolve(this.held(person))));
  }

  /** Her record as it was when the outbox had come that far. */
  held(person: PersonId, seq = this.commits.length): Held {
    const record = this.commits.slice(0, seq).findLast((commit) => commit.person === person)?.record ?? null;
    return { record, at: { primary: 'one', seq } };
  }

  /** The next version of hers, or the end of her record; both begin again at version 1. */
  commit(person: PersonId, removed: boolean, own: boolean): void {
    const now = this.held(person).record;
    const next = recordOf((now?.version ?? 0) + 1, { lastActivity: this.commits.length });
    this.commits.push({ person, record: removed ? null : next });
    if (own) this.#unanswered.push(this.commits.length);
  }

  hear(): void {
    const commit = this.commits[this.#heard];
    if (!commit) return;
    const seq = ++this.#heard;
    this.#known.add(seq);
    this.cache.changed(commit.person, { primary: 'one', seq }, () => commit.record);
  }

  hearAll(): void {
    while (this.#heard < this.commits.length) this.hear();
  }

  /** One of this node's commits is answered: those of one person in order, as a node makes no two of hers at once. */
  learn(at = 0): void {
    const some = this.#unanswered[at % Math.max(1, this.#unanswered.length)];
    const who = some === undefined ? null : this.commits[some - 1]!.person;
    const place = this.#unanswered.findIndex((seq) => this.commits[seq - 1]!.person === who);
    const [seq] = place < 0 ? [] : this.#unanswered.splice(place, 1);
    if (seq === undefined) return;
    this.#known.add(seq);
    const { person, record } = this.commits[seq - 1]!;
    this.cache.committed(person, { record, at: { primary: 'one', seq } });
  }

  /** The first place that an answer given now may be of. */
  floor(person: PersonId): number {
    return Math.max(0, ...[...this.#known].filter((seq) => this.commits[seq - 1]!.person === person));
  }

  async letThrough(): Promise<void> {
    while (this.reads.count > 0) {
      this.reads.look();
      this.reads.answer();
      await settled();
    }
  }
}

const person = fc.constantFrom(...PEOPLE);
const index = fc.nat(1000);
const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('commit' as const),
      person,
      removed: fc.integer({ min: 0, max: 2 }).map((one) => one === 0),
      own: fc.boolean(),
    }),
  },
  ...(['look', 'answer', 'learn'] as const).map((kind) => {
    return { weight: 1, arbitrary: fc.record({ kind: fc.constant(kind), index }) };
  }),
  { weight: 2, arbitrary: fc.constant({ kind: 'hear' as const }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('read' as const), person }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('forget' as const), person }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('believe' as const), value: fc.boolean() }) },
);

describe('the records as they are remembered', () => {
  test('whatever the order of commits, answers and tidings: nothing is shown that this node knows to be over', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 80, size: 'max' }),
        fc.constantFrom(1, 1000),
        async (steps, max) => {
          const world = new World(max);
          const checks: (() => Promise<void>)[] = [];
          const read = (who: PersonId) => {
            const floor = world.floor(who);
            const answer = world.get(who);
            checks.push(async () => {
              const possible = world.commits.map((_, at) => world.held(who, at + 1).record);
              expect([
                ...(floor === 0 ? [null] : []),
                ...possible.slice(Math.max(0, floor - 1)),
              ]).toContainEqual(await answer);
            });
          };
          for (const each of steps) {
            if (each.kind === 'commit') world.commit(each.person, each.removed, each.own);
            else if (each.kind === 'hear') world.hear();
            else if (each.kind === 'learn') world.learn(each.index);
            else if (each.kind === 'believe') world.believed = each.value;
            else if (each.kind === 'read') read(each.person);
            else if (each.kind === 'forget') world.cache.forget([each.person]);
            else if (each.kind === 'look') world.reads.look(each.index);
            else world.reads.answer(each.index);
            await settled();
          }
          // When everything has been told, what is shown is what is so.
          world.hearAll();
          world.believed = true;
          const end = PEOPLE.map((each) => world.get(each));
          await world.letThrough();
          for (const check of checks) await check();
          expect(await Promise.all(end)).toEqual(PEOPLE.map((each) => world.held(each).record));
        },
      ),
      { numRuns: 500 },
    );
  });

  /** A node that has read her record, and a count of what the database was asked. */
  async function remembering(who: PersonId) {
    const world = new World(1000);
    const answer = world.get(who);
    await world.letThrough();
    await answer;
    const get = async () => {
      const next = world.get(who);
      const asked = world.reads.count > 0;
      await world.letThrough();
      return { record: await next, asked };
    };
    return { world, get };
  }

  test('the database is not asked again for what the feed and this node say', async () => {
    const { world, get } = await remembering(PEOPLE[0]!);
    expect(await get()).toEqual({ record: null, asked: false }); // also that she has none
    world.commit(PEOPLE[0]!, false, false);
    world.hear();
    expect(await get()).toEqual({ record: world.held(PEOPLE[0]!).record, asked: false });
    world.commit(PEOPLE[0]!, false, true);
    world.learn();
    expect(await get()).toEqual({ record: world.held(PEOPLE[0]!).record, asked: false });
    world.hear();
    expect((await get()).asked).toBe(false);
  });

  test('she is not remembered whom the feed tells of and nobody asked for', () => {
    const world = new World(1000);
    world.commit(PEOPLE[0]!, false, false);
    world.hear();
    void world.get(PEOPLE[0]!);
    expect(world.reads.count).toBe(1);
  });

  test('a change by another primary tells only that what is remembered may be over', async () => {
    const { world, get } = await remembering(PEOPLE[0]!);
    world.cache.changed(PEOPLE[0]!, { primary: 'two', seq: 9 }, () => recordOf(9));
    expect(await get()).toEqual({ record: null, asked: true });
  });

  test('an answer that comes late does not undo what was read since', async () => {
    const world = new World(1000);
    world.commit(PEOPLE[0]!, false, true);
    world.commit(PEOPLE[0]!, false, false);
    const read = world.get(PEOPLE[0]!);
    await world.letThrough();
    await read;
    world.learn();
    expect(await world.get(PEOPLE[0]!)).toEqual(world.held(PEOPLE[0]!).record);
  });

  test('after her shard has moved, places on the old primary count for nothing', async () => {
    const { world, get } = await remembering(PEOPLE[0]!);
    world.cache.committed(PEOPLE[0]!, { record: recordOf(8), at: { primary: 'two', seq: 1000 } });
    world.cache.committed(PEOPLE[0]!, { record: recordOf(9), at: { primary: 'three', seq: 1 } });
    expect(await get()).toEqual({ record: recordOf(9), asked: false });
  });

  test('forgets all at once', async () => {
    const { world, get } = await remembering(PEOPLE[0]!);
    world.cache.clear();
    expect((await get()).asked).toBe(true);
  });
});
