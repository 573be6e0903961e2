import { describe, expect, it } from 'vitest';
import type { DirectoryChange } from '../../src/presence/directory.ts';
import type { Address, NetworkName, PersonId } from '../../src/presence/identity.ts';
import type { SqliteStore } from '../../src/stores/sqlite/sqlite-store.ts';
import { openTestStore, tempFolder } from './data-folder.ts';

const [ANN, BEN] = ['ann', 'ben'] as PersonId[] as [PersonId, PersonId];
const HOME: Address = { network: 'home' as NetworkName, id: 'ann' };

function person(id: PersonId, displayName: string): DirectoryChange {
  return {
    row: 'person',
    id,
    value: { displayName, avatarUrl: null, visibility: 'everyone', createdAt: 1 },
  };
}

function address(of: PersonId | null): DirectoryChange {
  return { row: 'address', address: HOME, value: of && { person: of, kind: 'own' } };
}

async function names(store: SqliteStore): Promise<(string | null | undefined)[]> {
  const [ann, ben, home] = await Promise.all([
    store.people.byId(ANN),
    store.people.byId(BEN),
    store.people.byAddress(HOME),
  ]);
  return [ann, ben, home].map((each) => each?.displayName);
}

/** Each is asked before and after every change, so that whatever was remembered of it would be told again. */
describe('what is remembered of the directory', () => {
  it('follows people who come, change, and go', async () => {
    const store = await openTestStore(tempFolder());
    expect(await names(store)).toEqual([undefined, undefined, undefined]);
    await store.commit([person(ANN, 'Ann'), person(BEN, 'Ben')]);
    expect(await names(store)).toEqual(['Ann', 'Ben', undefined]);
    await store.commit([address(ANN)]);
    expect(await names(store)).toEqual(['Ann', 'Ben', 'Ann']);
    expect((await store.people.byId(ANN))?.addresses).toHaveLength(1);
    await store.commit([person(ANN, 'Anna')]);
    expect(await names(store)).toEqual(['Anna', 'Ben', 'Anna']);
    await store.commit([address(BEN)]);
    expect(await names(store)).toEqual(['Anna', 'Ben', 'Ben']);
    expect((await store.people.byId(ANN))?.addresses).toEqual([]);
    expect((await store.people.byId(BEN))?.addresses).toHaveLength(1);
    await store.commit([address(null), { row: 'person', id: BEN, value: null }]);
    expect(await names(store)).toEqual(['Anna', undefined, undefined]);
  });

  it('follows lists and blocks, each for both who look', async () => {
    const store = await openTestStore(tempFolder());
    const seen = async () => {
      const [a, b] = [await store.relations.between(ANN, BEN), await store.relations.between(BEN, ANN)];
      return [a.listsReader, b.listsReader, a.blocked, b.blocked];
    };
    expect(await seen()).toEqual([false, false, false, false]);
    await store.commit([{ row: 'contact', owner: BEN, target: ANN, value: true }]);
    expect(await seen()).toEqual([true, false, false, false]);
    await store.commit([{ row: 'contact', owner: ANN, target: BEN, value: true }]);
    expect(await seen()).toEqual([true, true, false, false]);
    await store.commit([{ row: 'block', blocker: ANN, blocked: BEN, value: true }]);
    expect(await seen()).toEqual([true, true, true, true]);
    await store.commit([{ row: 'block', blocker: ANN, blocked: BEN, value: false }]);
    expect(await seen()).toEqual([true, true, false, false]);
    await store.commit([{ row: 'contact', owner: BEN, target: ANN, value: false }]);
    expect(await seen()).toEqual([false, true, false, false]);
  });
});
