import { describe, expect, test } from 'vitest';
import type { AuditNote, Directory, DirectoryChange } from '../../src/presence/directory.ts';
import type { Address, AddressKind, NetworkName, PersonId, Profile } from '../../src/presence/identity.ts';
import type { PresenceStore } from '../../src/presence/store.ts';
import type { Subject } from './presence-store.ts';
import { personId, recordOf } from './records.ts';

const [ALICE, BOB, CAROL] = [personId('alice'), personId('bob'), personId('carol')];
const [LEFT, RIGHT] = ['left' as NetworkName, 'right' as NetworkName];
const PROFILE: Profile & { createdAt: number } = {
  displayName: null,
  avatarUrl: null,
  visibility: 'everyone',
  createdAt: 1_767_225_600_000,
};

function person(id: PersonId, changes: Partial<Profile> = {}): DirectoryChange {
  return { row: 'person', id, value: { ...PROFILE, ...changes } };
}

function address(network: NetworkName, id: string, owner: PersonId, kind: AddressKind): DirectoryChange {
  return { row: 'address', address: { network, id }, value: { person: owner, kind } };
}

function act(id: string, value: AuditNote): DirectoryChange {
  return { row: 'audit', id, value };
}

function contact(owner: PersonId, target: PersonId, value = true): DirectoryChange {
  return { row: 'contact', owner, target, value };
}

function token(hash: string, owner: PersonId, createdAt: number, deviceId = 'device'): DirectoryChange {
  return { row: 'token', hash, value: { person: owner, network: LEFT, deviceId, createdAt } };
}

function invite(owner: PersonId, to: Address, value = true): DirectoryChange {
  return { row: 'invite', owner, address: to, value };
}

/** What every `Directory` must do, beside the records of the same store. `open` gives an empty one. */
export function directoryContract(
  name: string,
  open: () => Promise<Subject<Directory & PresenceStore>>,
): void {
  describe(`directory: ${name}`, () => {
    test('knows nobody at first', async () => {
      const { store } = await open();
      expect(await store.people.byId(ALICE)).toBeNull();
      expect(await store.people.byAddress({ network: LEFT, id: '1' })).toBeNull();
      expect(await store.people.page(null, 10)).toEqual([]);
      expect(await store.tokens.byHash('hash')).toBeNull();
      expect(await store.tokens.of(ALICE)).toEqual([]);
      expect(await store.relations.between(ALICE, BOB)).toEqual({ blocked: false, listsReader: false });
      expect(await store.meta('key')).toBeNull();
    });

    test('finds a person by id and by each of her addresses, oldest first', async () => {
      const { store, settled } = await open();
      await store.commit([
        person(ALICE, { displayName: 'Alice', avatarUrl: 'https://a/1', visibility: 'contacts' }),
        address(RIGHT, 'a', ALICE, 'own'),
        address(LEFT, '1', ALICE, 'stand-in'),
        address(LEFT, '0', ALICE, 'alias'),
      ]);
      const after = await settled();
      const alice = await after.people.byId(ALICE);
      expect(alice).toEqual({
        id: ALICE,
        ...PROFILE,
        displayName: 'Alice',
        avatarUrl: 'https://a/1',
        visibility: 'contacts',
        addresses: [
          { network: RIGHT, id: 'a', kind: 'own' },
          { network: LEFT, id: '1', kind: 'stand-in' },
          { network: LEFT, id: '0', kind: 'alias' },
        ],
      });
      for (const own of alice!.addresses) expect(await after.people.byAddress(own)).toEqual(alice);
      expect(await after.people.byAddress({ network: RIGHT, id: '1' })).toBeNull();
    });

    test('keeps any text as it is', async () => {
      const { store, settled } = await open();
      const odd = 'nul\0, "quote", back\\slash, \u2028, 🙂, %_';
      await store.commit([
        person(ALICE, { displayName: odd, avatarUrl: odd }),
        address(LEFT, odd, ALICE, 'own'),
        token('hash', ALICE, 1, odd),
        invite(ALICE, { network: RIGHT, id: odd }),
        { row: 'meta', key: odd, value: odd },
      ]);
      const after = await settled();
      expect(await after.people.byAddress({ network: LEFT, id: odd })).toMatchObject({
        displayName: odd,
        avatarUrl: odd,
        addresses: [{ id: odd }],
      });
      expect(await after.people.byAddress({ network: LEFT, id: 'nul' })).toBeNull();
      expect((await after.tokens.byHash('hash'))?.deviceId).toBe(odd);
      const invites = [{ owner: ALICE, address: { network: RIGHT, id: odd } }];
      expect(await after.relations.invites({ owner: ALICE })).toEqual(invites);
      expect(await after.meta(odd)).toBe(odd);
    });

    test('pages through people by id', async () => {
      const { store, settled } = await open();
      const ids = ['d', 'a', 'c', 'B', '-', '_'].map(personId);
      await store.commit(ids.map((id) => person(id)));
      const after = await settled();
      const page = async (from: PersonId | null, limit: number) =>
        (await after.people.page(from, limit)).map(({ id }) => id);
      expect(await page(null, 4)).toEqual(['-', 'B', '_', 'a']);
      expect(await page(personId('a'), 4)).toEqual(['c', 'd']);
      expect(await page(personId('b'), 1)).toEqual(['c']);
      expect(await page(personId('d'), 4)).toEqual([]);
    });

    test('edits and removes', async () => {
      const { store, settled } = await open();
      await store.commit([person(ALICE), address(LEFT, '1', ALICE, 'own')]);
      await store.commit([person(ALICE, { displayName: 'New' })]);
      expect(await store.people.byId(ALICE)).toMatchObject({
        displayName: 'New',
        addresses: [{ id: '1' }],
      });
      await store.commit([
        { row: 'person', id: ALICE, value: null },
        { row: 'address', address: { network: LEFT, id: '1' }, value: null },
      ]);
      const after = await settled();
      expect(await after.people.byId(ALICE)).toBeNull();
      expect(await after.people.byAddress({ network: LEFT, id: '1' })).toBeNull();
    });

    test('an address leads to one person: the last it was put to', async () => {
      const { store, settled } = await open();
      await store.commit([person(ALICE), person(BOB), address(LEFT, '1', ALICE, 'own')]);
      await store.commit([address(LEFT, '1', BOB, 'alias')]);
      const after = await settled();
      expect((await after.people.byAddress({ network: LEFT, id: '1' }))?.id).toBe(BOB);
      expect((await after.people.byId(ALICE))?.addresses).toEqual([]);
    });

    test.each(['own', 'stand-in'] as const)(
      'refuses a second %s address on a network, and nothing but that commit',
      async (kind) => {
        const { store, settled } = await open();
        await store.commit([person(ALICE), address(LEFT, '1', ALICE, kind)]);
        const outcomes = await Promise.allSettled([
          store.commit([{ row: 'meta', key: 'before', value: 'kept' }]),
          store.commit([
            { row: 'meta', key: 'with', value: 'lost' },
            { row: 'presence', person: ALICE, expected: 0, value: recordOf(1) },
            address(LEFT, '2', ALICE, kind),
          ]),
          store.commit([{ row: 'meta', key: 'after', value: 'kept' }]),
          store.compareAndSet(BOB, 0, recordOf(1)),
        ]);
        expect(outcomes.map(({ status }) => status)).toEqual([
          'fulfilled',
          'rejected',
          'fulfilled',
          'fulfilled',
        ]);
        expect(outcomes[1]).toMatchObject({ reason: { code: 'conflict', message: /./ } });
        const after = await settled();
        expect(await after.meta('with')).toBeNull();
        expect(await after.get(ALICE)).toBeNull();
        expect(await after.people.byAddress({ network: LEFT, id: '2' })).toBeNull();
        expect([await after.meta('before'), await after.meta('after')]).toEqual(['kept', 'kept']);
        expect(await after.get(BOB)).toEqual(recordOf(1));
      },
    );

    test('allows any number of aliases, and one address of a kind on each network', async () => {
      const { store } = await open();
      await store.commit([
        person(ALICE),
        address(LEFT, '1', ALICE, 'own'),
        address(LEFT, '2', ALICE, 'stand-in'),
        address(LEFT, '3', ALICE, 'alias'),
        address(LEFT, '4', ALICE, 'alias'),
        address(RIGHT, '1', ALICE, 'own'),
      ]);
      expect((await store.people.byId(ALICE))?.addresses).toHaveLength(5);
    });

    test('rows act in order: an own address may make room for the next', async () => {
      const { store } = await open();
      await store.commit([person(ALICE), address(LEFT, '1', ALICE, 'own')]);
      await store.commit([address(LEFT, '1', ALICE, 'alias'), address(LEFT, '2', ALICE, 'own')]);
      expect((await store.people.byId(ALICE))?.addresses).toEqual([
        { network: LEFT, id: '1', kind: 'alias' },
        { network: LEFT, id: '2', kind: 'own' },
      ]);
    });

    test('lists tokens oldest first, gives them to another and revokes them', async () => {
      const { store, settled } = await open();
      await store.commit([token('h2', ALICE, 20, 'phone'), token('h1', ALICE, 10), token('h3', BOB, 5)]);
      const phone = { hash: 'h2', person: ALICE, network: LEFT, deviceId: 'phone', createdAt: 20 };
      expect(await store.tokens.byHash('h2')).toEqual(phone);
      expect((await store.tokens.of(ALICE)).map(({ hash }) => hash)).toEqual(['h1', 'h2']);
      await store.commit([token('h3', ALICE, 5), { row: 'token', hash: 'h1', value: null }]);
      const after = await settled();
      expect((await after.tokens.of(ALICE)).map(({ hash }) => hash)).toEqual(['h3', 'h2']);
      expect(await after.tokens.of(BOB)).toEqual([]);
      expect(await after.tokens.byHash('h1')).toBeNull();
    });

    test('holds one token for an account, and knows all of a network', async () => {
      const { store, settled } = await open();
      const [one, two] = [
        { network: LEFT, id: '1\0' },
        { network: LEFT, id: '2' },
      ];
      const held = (address: Address, sealed: string, givenAt: number): DirectoryChange => {
        return { row: 'held-token', address, value: { sealed, givenAt } };
      };
      expect(await store.heldTokens.of(one)).toBeNull();
      await store.commit([held(one, 'first', 1), held(two, 'second', 2)]);
      await store.commit([held(one, 'renewed', 3), held({ network: RIGHT, id: '1' }, 'other', 1)]);
      const after = await settled();
      expect(await after.heldTokens.of(one)).toEqual({ address: one, sealed: 'renewed', givenAt: 3 });
      expect((await after.heldTokens.all(LEFT)).map(({ sealed }) => sealed)).toEqual(['second', 'renewed']);
      await after.commit([{ row: 'held-token', address: one, value: null }]);
      expect(await after.heldTokens.of(one)).toBeNull();
      expect(await after.heldTokens.all(LEFT)).toHaveLength(1);
    });

    test('keeps contacts in the order in which they were listed', async () => {
      const { store, settled } = await open();
      const dora = personId('dora');
      await store.commit([contact(ALICE, CAROL), contact(ALICE, BOB), contact(BOB, CAROL)]);
      await store.commit([contact(ALICE, dora), contact(ALICE, CAROL)]);
      expect(await store.relations.contactsOf(ALICE)).toEqual([CAROL, BOB, dora]);
      await store.commit([contact(ALICE, CAROL, false), contact(ALICE, CAROL)]);
      const after = await settled();
      expect(await after.relations.contactsOf(ALICE)).toEqual([BOB, dora, CAROL]);
      expect((await after.relations.listersOf(CAROL)).toSorted()).toEqual([ALICE, BOB]);
      expect(await after.relations.between(CAROL, BOB)).toEqual({ blocked: false, listsReader: true });
      expect(await after.relations.between(BOB, CAROL)).toEqual({ blocked: false, listsReader: false });
    });

    test('a block stands between both', async () => {
      const { store, settled } = await open();
      await store.commit([
        { row: 'block', blocker: ALICE, blocked: BOB, value: true },
        { row: 'block', blocker: CAROL, blocked: ALICE, value: true },
      ]);
      const after = await settled();
      expect((await after.relations.between(ALICE, BOB)).blocked).toBe(true);
      expect((await after.relations.between(BOB, ALICE)).blocked).toBe(true);
      expect((await after.relations.between(BOB, CAROL)).blocked).toBe(false);
      expect(await after.relations.blocksOf(ALICE)).toHaveLength(2);
      expect(await after.relations.blocksOf(BOB)).toEqual([{ blocker: ALICE, blocked: BOB }]);
      await after.commit([{ row: 'block', blocker: ALICE, blocked: BOB, value: false }]);
      expect((await after.relations.between(BOB, ALICE)).blocked).toBe(false);
    });

    test('keeps invites by who sent them and by where they went', async () => {
      const { store, settled } = await open();
      const [one, two] = [
        { network: LEFT, id: '1' },
        { network: LEFT, id: '2' },
      ];
      await store.commit([invite(ALICE, one), invite(BOB, one), invite(ALICE, two)]);
      await store.commit([invite(ALICE, two, false)]);
      const after = await settled();
      expect(await after.relations.invites({ owner: ALICE })).toEqual([{ owner: ALICE, address: one }]);
      expect((await after.relations.invites({ address: one })).map(({ owner }) => owner)).toEqual([
        ALICE,
        BOB,
      ]);
      expect(await after.relations.invites({ address: two })).toEqual([]);
      expect(await after.relations.invites({ address: { network: RIGHT, id: '1' } })).toEqual([]);
    });

    test('keeps what was done, the newest first, a page at a time', async () => {
      const { store, settled } = await open();
      expect(await store.audit.page(null, 10)).toEqual([]);
      const notes = ['a', 'b', 'c\0"\ud800'].map((about, at): AuditNote => {
        return { at, actor: 'operator', action: 'link', subjects: [ALICE, BOB], details: { about } };
      });
      await store.commit([act('1', notes[0]!), person(ALICE)]);
      await store.commit([act('2', notes[1]!), act('3', { ...notes[2]!, actor: ALICE })]);
      const after = await settled();
      const all = await after.audit.page(null, 10);
      expect(
        all.map(({ at, actor, action, subjects, details }) => ({ at, actor, action, subjects, details })),
      ).toEqual([{ ...notes[2], actor: ALICE }, notes[1], notes[0]]);
      const [third, second, first] = all.map(({ seq }) => seq);
      expect(third! > second! && second! > first!).toBe(true);
      expect(await after.audit.page(null, 1)).toEqual(all.slice(0, 1));
      expect(await after.audit.page(third!, 1)).toEqual(all.slice(1, 2));
      expect(await after.audit.page(second!, 10)).toEqual(all.slice(2));
      expect(await after.audit.page(first!, 10)).toEqual([]);
    });

    test('what was done is kept with the change, once, and not without it', async () => {
      const { store, settled } = await open();
      const note: AuditNote = { at: 1, actor: ALICE, action: 'unlink', subjects: [ALICE], details: {} };
      await store.commit([person(ALICE), address(LEFT, '1', ALICE, 'own'), act('1', note)]);
      await store.commit([act('1', { ...note, action: 'block' })]);
      const base = await store.position();
      await store.commit([act('2', note)]);
      const refused = await Promise.allSettled([
        store.commit([act('3', note), address(LEFT, '2', ALICE, 'own')]),
        store.commit([act('4', note), person(BOB)], base),
        store.commit([act('5', note), { row: 'presence', person: BOB, expected: 3, value: recordOf(4) }]),
      ]);
      expect(refused.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
      const kept = await (await settled()).audit.page(null, 10);
      expect(kept.map(({ action }) => action)).toEqual(['unlink', 'unlink']);
    });

    test('the same rows again change nothing', async () => {
      const { store, settled } = await open();
      const rows = [
        person(ALICE),
        address(LEFT, '1', ALICE, 'own'),
        token('hash', ALICE, 1),
        contact(ALICE, BOB),
        { row: 'block', blocker: ALICE, blocked: CAROL, value: true } as const,
        invite(ALICE, { network: RIGHT, id: 'x' }),
        { row: 'meta', key: 'key', value: 'value' } as const,
        contact(ALICE, CAROL, false),
      ];
      await store.commit(rows);
      await store.commit(rows);
      const after = await settled();
      const { people, tokens, relations } = after;
      expect((await people.byId(ALICE))?.addresses).toHaveLength(1);
      expect(await tokens.of(ALICE)).toHaveLength(1);
      expect(await relations.contactsOf(ALICE)).toEqual([BOB]);
      expect(await relations.blocksOf(ALICE)).toHaveLength(1);
      expect(await relations.invites({ owner: ALICE })).toHaveLength(1);
      expect(await after.meta('key')).toBe('value');
    });

    test('records and rows of a commit stand or fall together', async () => {
      const { store, settled } = await open();
      await store.compareAndSet(ALICE, 0, recordOf(1));
      await store.compareAndSet(BOB, 0, recordOf(4));
      await store.commit([
        { row: 'presence', person: ALICE, expected: 1, value: recordOf(5) },
        { row: 'presence', person: BOB, expected: 4, value: null },
        person(ALICE),
      ]);
      const stale = store.commit([
        person(CAROL),
        { row: 'presence', person: CAROL, expected: 0, value: recordOf(1) },
        { row: 'presence', person: ALICE, expected: 4, value: recordOf(6) },
      ]);
      // An empty message marks the lost race that a caller tries again.
      await expect(stale).rejects.toMatchObject({ code: 'conflict', message: '' });
      const after = await settled();
      expect(await after.get(ALICE)).toEqual(recordOf(5));
      expect(await after.get(BOB)).toBeNull();
      expect(await after.get(CAROL)).toBeNull();
      expect(await after.people.byId(CAROL)).toBeNull();
      expect(await after.compareAndSet(BOB, 4, recordOf(5))).toBe(false);
      expect(await after.compareAndSet(BOB, 0, recordOf(1))).toBe(true);
    });

    test('a commit and a write that race for a version: one of them wins', async () => {
      const { store, settled } = await open();
      const commit = store.commit([
        person(ALICE),
        { row: 'presence', person: ALICE, expected: 0, value: recordOf(1, { lastActivity: 1 }) },
        { row: 'presence', person: BOB, expected: 0, value: recordOf(1) },
      ]);
      const write = store.compareAndSet(ALICE, 0, recordOf(1, { lastActivity: 2 }));
      const [committed, written] = await Promise.allSettled([commit, write]);
      expect(committed.status).toBe('fulfilled');
      expect(written).toEqual({ status: 'fulfilled', value: false });
      expect((await (await settled()).get(ALICE))?.lastActivity).toBe(1);
    });

    test('a change that builds on what has changed since is refused, without a word and without a trace', async () => {
      const { store, settled } = await open();
      await store.commit([person(ALICE)]);
      const base = await store.position();
      await store.compareAndSet(ALICE, 0, recordOf(1));
      await store.commit([{ row: 'presence', person: ALICE, expected: 1, value: recordOf(2) }]);
      expect(await store.position()).toBe(base);
      await store.commit([person(BOB)], base);
      const refused = store.commit([person(CAROL)], base);
      await expect(refused).rejects.toMatchObject({ code: 'conflict', message: '' });
      const after = await settled();
      expect(await after.people.byId(BOB)).not.toBeNull();
      expect(await after.people.byId(CAROL)).toBeNull();
      await after.commit([person(CAROL)], await after.position());
      expect(await after.people.byId(CAROL)).not.toBeNull();
    });

    test('of changes that build on the same position one wins', async () => {
      const { store, settled } = await open();
      const base = await store.position();
      const people = Array.from({ length: 8 }, (_, index) => personId(`person-${index}`));
      const outcomes = await Promise.allSettled(people.map((id) => store.commit([person(id)], base)));
      expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
      expect(await (await settled()).people.page(null, 10)).toHaveLength(1);
    });
  });
}
