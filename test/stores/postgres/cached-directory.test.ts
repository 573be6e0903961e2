import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Directory, DirectoryChange } from '../../../src/presence/directory.ts';
import type { Address, NetworkName, PersonId } from '../../../src/presence/identity.ts';
import { MemoryStore } from '../../../src/stores/memory/memory-store.ts';
import type { DirectorySource } from '../../../src/stores/postgres/cached-directory.ts';
import { CachedDirectory } from '../../../src/stores/postgres/cached-directory.ts';
import type { DirectoryRow } from '../../../src/stores/postgres/directory-rows.ts';
import { directoryRow } from '../../../src/stores/postgres/directory-rows.ts';
import { personId } from '../../contract/records.ts';
import { settled } from '../../helpers/settled.ts';
import { SlowReads } from './slow-reads.ts';

type Readers = Omit<Directory, 'commit' | 'position'>;
type Change = Exclude<DirectoryChange, { row: 'presence' }>;
type Query = (directory: Readers) => Promise<unknown>;

const PEOPLE = ['alice', 'bob'].map(personId);
const ADDRESSES: Address[] = ['1', '2\0'].map((id) => ({ network: 'left' as NetworkName, id }));
const HASHES = ['hash-1', 'hash-2'];
const PROFILE = { displayName: null, avatarUrl: null, visibility: 'everyone' as const, createdAt: 1 };
const GRANT = { network: 'left' as NetworkName, deviceId: 'phone', createdAt: 1 };

const person = fc.constantFrom(...PEOPLE);
const address = fc.constantFrom(...ADDRESSES);
const hash = fc.constantFrom(...HASHES);
const name = fc.constantFrom('one', 'two', 'three');
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.record({
    row: fc.constant('person' as const),
    id: person,
    value: fc.option(name.map((displayName) => ({ ...PROFILE, displayName }))),
  }),
  fc.record({
    row: fc.constant('address' as const),
    address,
    value: fc.option(person.map((owner) => ({ person: owner, kind: 'alias' as const }))),
  }),
  fc.record({
    row: fc.constant('token' as const),
    hash,
    value: fc.option(fc.record({ person, deviceId: name }).map((value) => ({ ...GRANT, ...value }))),
  }),
  fc.record({ row: fc.constant('contact' as const), owner: person, target: person, value: fc.boolean() }),
  fc.record({ row: fc.constant('block' as const), blocker: person, blocked: person, value: fc.boolean() }),
  fc.record({ row: fc.constant('invite' as const), owner: person, address, value: fc.boolean() }),
  name.map((value) => ({ row: 'meta' as const, key: 'key', value })),
);

/** Every question there is, over the few people there are. */
const QUERIES: Query[] = [
  ...PEOPLE.flatMap((id): Query[] => [
    ({ people }) => people.byId(id),
    ({ tokens }) => tokens.of(id),
    ({ relations }) => relations.contactsOf(id),
    ({ relations }) => relations.listersOf(id),
    ({ relations }) => relations.blocksOf(id),
    ({ relations }) => relations.invites({ owner: id }),
    ...PEOPLE.map(
      (target): Query =>
        ({ relations }) =>
          relations.between(id, target),
    ),
  ]),
  ...ADDRESSES.flatMap((each): Query[] => [
    ({ people }) => people.byAddress(each),
    ({ relations }) => relations.invites({ address: each }),
  ]),
  ...HASHES.map(
    (each): Query =>
      ({ tokens }) =>
        tokens.byHash(each),
  ),
  ({ people }) => people.page(null, 10),
  (directory) => directory.meta('key'),
];

type Step =
  | { readonly kind: 'commit'; readonly own: boolean; readonly changes: Change[] }
  | { readonly kind: 'hear' | 'learn' | 'look' | 'answer' | 'read' | 'ask'; readonly index: number }
  | { readonly kind: 'believe'; readonly value: boolean };

const index = fc.nat(1000);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('commit' as const),
      own: fc.boolean(),
      changes: fc.array(change, { minLength: 1, maxLength: 3 }),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom('hear', 'learn', 'look', 'answer', 'read', 'read', 'ask'),
      index,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('believe' as const), value: fc.boolean() }) },
);

/** What was committed so far, each state kept, and which of it this node must know of. */
class World {
  readonly states = [new MemoryStore()];
  readonly reads = new SlowReads();
  readonly cache: CachedDirectory;
  readonly #log: { readonly changes: Change[]; readonly rows: readonly DirectoryRow[] }[] = [];
  /** Commits that this node knows of: by itself, by the feed, or because it was told a position beyond them. */
  readonly #known = new Set<number>();
  readonly #unanswered: number[] = [];
  #heard = 0;
  believed = true;

  constructor(max: number) {
    const now = () => this.states.at(-1)!;
    const slowly = <T>(look: () => Promise<T>) => this.reads.read(look);
    const inner: DirectorySource = {
      people: {
        byId: (id) => slowly(() => now().people.byId(id)),
        byAddress: (each) => slowly(() => now().people.byAddress(each)),
        page: (after, limit) => slowly(() => now().people.page(after, limit)),
      },
      tokens: {
        byHash: (each) => slowly(() => now().tokens.byHash(each)),
        of: (id) => slowly(() => now().tokens.of(id)),
      },
      audit: { page: (before, limit) => now().audit.page(before, limit) },
      heldTokens: {
        of: (each) => now().heldTokens.of(each),
        all: (network) => now().heldTokens.all(network),
      },
      relations: {
        between: (a, b) => slowly(() => now().relations.between(a, b)),
        contactsOf: (id) => slowly(() => now().relations.contactsOf(id)),
        listersOf: (id) => slowly(() => now().relations.listersOf(id)),
        blocksOf: (id) => slowly(() => now().relations.blocksOf(id)),
        invites: (by) => slowly(() => now().relations.invites(by)),
      },
      meta: (key) => slowly(() => now().meta(key)),
      positionAfter: (seq) =>
        slowly(() => {
          const rows = seq === null ? [] : this.#log.slice(seq).flatMap((commit) => commit.rows);
          return Promise.resolve({ position: this.#log.length, rows });
        }),
    };
    this.cache = new CachedDirectory({
      inner,
      max,
      believed: () => this.believed,
      heardOf: () => this.#heard,
    });
  }

  /** A new state; the old ones stay readable. */
  async commit(changes: Change[], own: boolean): Promise<void> {
    const owners = await Promise.all(changes.map((each) => this.#ownerBefore(each)));
    const rows = changes.map((each, place) => {
      const was = owners[place] ?? null;
      return { ...directoryRow(each), ...(was === null ? {} : { was }) };
    });
    const next = new MemoryStore();
    for (const { changes: before } of this.#log) await next.commit(before);
    await next.commit(changes);
    this.states.push(next);
    this.#log.push({ changes, rows });
    if (own) this.#unanswered.push(this.#log.length - 1);
  }

  /** The feed tells of the next commit. */
  hear(): void {
    if (this.#heard === this.#log.length) return;
    this.#known.add(this.#heard);
    this.cache.changed(this.#log[this.#heard++]!.rows);
  }

  /** One of this node's own commits is answered. */
  learn(at: number): void {
    const [commit] = this.#unanswered.splice(at % Math.max(1, this.#unanswered.length), 1);
    if (commit === undefined) return;
    this.#known.add(commit);
    this.cache.changed(this.#log[commit]!.rows);
  }

  /** Everything up to the position is known from the moment in which it is told. */
  async ask(): Promise<void> {
    const position = await this.cache.position();
    for (let commit = 0; commit < position; commit++) this.#known.add(commit);
  }

  /** Answers all that is being read. */
  async letThrough(): Promise<void> {
    while (this.reads.count > 0) {
      this.reads.look();
      this.reads.answer();
      await settled();
    }
  }

  hearAll(): void {
    while (this.#heard < this.#log.length) this.hear();
  }

  /** The first state that an answer to a query asked now may be of. */
  async floor(query: Query): Promise<number> {
    for (const commit of [...this.#known].toSorted((a, b) => b - a)) {
      const [before, after] = [await query(this.states[commit]!), await query(this.states[commit + 1]!)];
      if (JSON.stringify(before) !== JSON.stringify(after)) return commit + 1;
    }
    return 0;
  }

  async #ownerBefore(change: Change): Promise<PersonId | null> {
    const { people, tokens } = this.states.at(-1)!;
    if (change.row === 'address') return (await people.byAddress(change.address))?.id ?? null;
    return change.row === 'token' ? ((await tokens.byHash(change.hash))?.person ?? null) : null;
  }
}

describe('the directory as it is remembered', () => {
  test('whatever the order of commits, answers and tidings: nobody is shown what this node knows to be over', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 80, size: 'max' }),
        fc.constantFrom(3, 1000),
        fc.shuffledSubarray(QUERIES, { minLength: 3, maxLength: 3 }), // asked often enough to get in the way of each other
        async (steps, max, queries) => {
          const world = new World(max);
          const checks: (() => Promise<void>)[] = [];
          const read = async (query: Query) => {
            const floor = await world.floor(query);
            const answer = query(world.cache);
            checks.push(async () => {
              const possible = await Promise.all(world.states.slice(floor).map((state) => query(state)));
              expect(possible).toContainEqual(await answer);
            });
          };
          for (const each of steps) {
            if (each.kind === 'commit') await world.commit(each.changes, each.own);
            else if (each.kind === 'believe') world.believed = each.value;
            else if (each.kind === 'hear') world.hear();
            else if (each.kind === 'learn') world.learn(each.index);
            else if (each.kind === 'ask') void world.ask();
            else if (each.kind === 'read') await read(queries[each.index % queries.length]!);
            else world.reads[each.kind](each.index);
            await settled();
          }
          // When everything has been told, what is shown is what is so.
          world.hearAll();
          world.believed = true;
          const end = QUERIES.map((query) => query(world.cache));
          await world.letThrough();
          for (const check of checks) await check();
          expect(await Promise.all(end)).toEqual(
            await Promise.all(QUERIES.map((query) => query(world.states.at(-1)!))),
          );
        },
      ),
      { numRuns: 600 },
    );
  });

  /** A node that remembers all there is to know of Alice, who has the first address and a token. */
  async function remembering() {
    const world = new World(1000);
    const [alice, bob] = PEOPLE as [PersonId, PersonId];
    const [where] = ADDRESSES as [Address];
    const give = (to: PersonId): Change[] => [
      { row: 'address', address: where, value: { person: to, kind: 'own' } },
      { row: 'token', hash: 'hash-1', value: { ...GRANT, person: to } },
    ];
    const people = [alice, bob].map((id): Change => ({ row: 'person', id, value: PROFILE }));
    await world.commit([...people, ...give(alice)], false);
    world.hearAll();
    const all = Promise.all(QUERIES.map((query) => query(world.cache)));
    await world.letThrough();
    await all;
    const ask = async <T>(answer: Promise<T>) => {
      await world.letThrough();
      return answer;
    };
    return { world, alice, bob, where, give, ask };
  }

  test.each(['this node', 'another'])(
    '%s gives an address and a token to another: both are read anew',
    async (who) => {
      const { world, alice, bob, give, ask } = await remembering();
      await world.commit(give(bob), who === 'this node');
      if (who === 'this node') world.learn(0);
      else world.hear();
      const { people, tokens } = world.cache;
      expect((await ask(people.byId(alice)))?.addresses).toEqual([]);
      expect((await ask(people.byId(bob)))?.addresses).toHaveLength(1);
      expect(await ask(tokens.of(alice))).toEqual([]);
      expect(await ask(tokens.of(bob))).toHaveLength(1);
    },
  );

  test.each<Change>([
    { row: 'contact', owner: PEOPLE[1]!, target: PEOPLE[0]!, value: true },
    { row: 'block', blocker: PEOPLE[0]!, blocked: PEOPLE[1]!, value: true },
    { row: 'block', blocker: PEOPLE[1]!, blocked: PEOPLE[0]!, value: true },
  ])('what stands between two is read anew: $row', async (change) => {
    const { world, alice, bob, ask } = await remembering();
    await world.commit([change], false);
    world.hear();
    expect(await ask(world.cache.relations.between(alice, bob))).not.toEqual({
      blocked: false,
      listsReader: false,
    });
  });

  test('an address that is given away while its owner is read leads to whoever has it then', async () => {
    const { world, bob, where, give, ask } = await remembering();
    await world.commit([{ row: 'person', id: PEOPLE[0]!, value: { ...PROFILE, displayName: 'new' } }], true);
    world.learn(0);
    const found = world.cache.people.byAddress(where);
    await world.commit(give(bob), false);
    expect(await ask(found)).toMatchObject({ id: bob });
  });

  test('an address whose owner goes while she is read, as in a link, leads to whoever has it then', async () => {
    const { world, alice, bob, where, give, ask } = await remembering();
    await world.commit([{ row: 'person', id: alice, value: { ...PROFILE, displayName: 'new' } }], true);
    world.learn(0);
    const found = world.cache.people.byAddress(where);
    await world.commit([{ row: 'person', id: alice, value: null }, ...give(bob)], false);
    expect(await ask(found)).toMatchObject({ id: bob });
  });

  test('a position that was told while nothing was believed is not forgotten when it is believed again', async () => {
    const { world, bob, where, give, ask } = await remembering();
    world.believed = false;
    await world.commit(give(bob), false);
    const position = world.cache.position();
    world.believed = true;
    expect(await ask(position)).toBe(2);
    expect(await ask(world.cache.people.byAddress(where))).toMatchObject({ id: bob });
  });

  test('an address that was put before its person leads to her as soon as she is there', async () => {
    const world = new World(1000);
    const [alice] = PEOPLE;
    const [where] = ADDRESSES;
    const find = () => world.cache.people.byAddress(where!);
    await world.commit([{ row: 'address', address: where!, value: { person: alice!, kind: 'own' } }], false);
    world.hearAll();
    const before = find();
    await world.letThrough();
    expect(await before).toBeNull();

    const meanwhile = find();
    world.reads.look();
    await world.commit([{ row: 'person', id: alice!, value: PROFILE }], false);
    world.hearAll();
    const after = find();
    await world.letThrough();
    expect(await meanwhile).toBeNull();
    expect(await after).toMatchObject({ id: alice });
  });
});
