import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Directory, DirectoryChange } from '../../../src/presence/directory.ts';
import type { Address, NetworkName, PersonId } from '../../../src/presence/identity.ts';
import { MemoryStore } from '../../../src/stores/memory/memory-store.ts';
import { CachedDirectory } from '../../../src/stores/postgres/cached-directory.ts';
import type { ChangedRow } from '../../../src/stores/postgres/changed-rows.ts';
import { changedRow } from '../../../src/stores/postgres/changed-rows.ts';
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
    value: fc.option(
      fc.record({ person, deviceId: name }).map((grant) => {
        return { ...grant, network: 'left' as NetworkName, createdAt: 1 };
      }),
    ),
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
  | { readonly kind: 'hear' | 'learn' | 'look' | 'answer' | 'read'; readonly index: number }
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
    arbitrary: fc.record({ kind: fc.constantFrom('hear', 'learn', 'look', 'answer', 'read', 'read'), index }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('believe' as const), value: fc.boolean() }) },
);

/** What was committed so far, each state kept, and which of it this node must know of. */
class World {
  readonly states = [new MemoryStore()];
  readonly reads = new SlowReads();
  readonly cache: CachedDirectory;
  readonly #log: { readonly changes: Change[]; readonly rows: ChangedRow[]; readonly own: boolean }[] = [];
  /** Commits that this node was told of, by itself or by the feed. */
  readonly #known = new Set<number>();
  readonly #unanswered: number[] = [];
  #heard = 0;
  believed = true;

  constructor(max: number) {
    const now = () => this.states.at(-1)!;
    const slowly = <T>(look: () => Promise<T>) => this.reads.read(look);
    const inner: Readers = {
      people: {
        byId: (id) => slowly(() => now().people.byId(id)),
        byAddress: (each) => slowly(() => now().people.byAddress(each)),
        page: (after, limit) => slowly(() => now().people.page(after, limit)),
      },
      tokens: {
        byHash: (each) => slowly(() => now().tokens.byHash(each)),
        of: (id) => slowly(() => now().tokens.of(id)),
      },
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
    };
    this.cache = new CachedDirectory({ inner, max, believed: () => this.believed });
  }

  /** A new state; the old ones stay readable. */
  async commit(changes: Change[], own: boolean): Promise<void> {
    const rows = await Promise.all(changes.map((each) => this.#rowOf(each)));
    const next = new MemoryStore();
    for (const { changes: before } of this.#log) await next.commit(before);
    await next.commit(changes);
    this.states.push(next);
    this.#log.push({ changes, rows, own });
    if (own) this.#unanswered.push(this.#log.length - 1);
  }

  /** The feed tells of the next commit. */
  hear(): void {
    if (this.#heard < this.#log.length) this.#learn(this.#heard++);
  }

  /** One of this node's own commits is answered. */
  learn(at: number): void {
    const [commit] = this.#unanswered.splice(at % Math.max(1, this.#unanswered.length), 1);
    if (commit !== undefined) this.#learn(commit);
  }

  /** Answers all that is being read. */
  async letThrough(): Promise<void> {
    for (; this.reads.count > 0; await settled()) {
      this.reads.look();
      this.reads.answer();
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

  #learn(commit: number): void {
    this.#known.add(commit);
    this.cache.changed(this.#log[commit]!.rows);
  }

  async #rowOf(change: Change): Promise<ChangedRow> {
    const row: DirectoryRow = directoryRow(change);
    const now = this.states.at(-1)!;
    const was =
      change.row === 'address'
        ? await ownerOf(now, change.address)
        : change.row === 'token'
          ? ((await now.tokens.byHash(change.hash))?.person ?? null)
          : null;
    return changedRow(was === null ? row : { ...row, was });
  }
}

/** Also of an address whose person is not there. */
async function ownerOf(store: MemoryStore, wanted: Address): Promise<PersonId | null> {
  return (await store.people.byAddress(wanted))?.id ?? null;
}

describe('the directory as it is remembered', () => {
  test('whatever the order of commits, answers and tidings: nobody is shown what this node knows to be over', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 80, size: 'max' }),
        fc.constantFrom(3, 1000),
        async (steps, max) => {
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
            else if (each.kind === 'read') await read(QUERIES[each.index % QUERIES.length]!);
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
      { numRuns: 500 },
    );
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
