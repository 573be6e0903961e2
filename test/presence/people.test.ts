import { describe, expect, it } from 'vitest';
import type { PersonId } from '../../src/presence/identity.ts';
import { idOn } from '../../src/presence/network.ts';
import { PROFILE } from '../helpers/bridge.ts';
import { LOUD, rich, says } from './dialects.ts';
import { loud, makeWorld, onLoud, onQuiet, quiet } from './world.ts';

describe('a new person', () => {
  it.each<[loudId: string | null, quietId: string | null, onLoudId: string, onQuietId: string]>([
    ['a', null, 'a', 'quiet-of-a'],
    [null, 'b', 'loud-1', 'b'],
    ['a', 'b', 'a', 'b'],
  ])('with accounts %s and %s answers on both networks', async (loudId, quietId, onLoudId, onQuietId) => {
    const { born, people } = makeWorld();
    const person = await born(loudId, quietId);
    expect([idOn(person, loud), idOn(person, quiet)]).toEqual([onLoudId, onQuietId]);
    expect(await people.find(onLoud(onLoudId))).toEqual(person);
    expect(await people.find(onQuiet(onQuietId))).toEqual(person);
    expect(await people.get(person.id)).toEqual(person);
  });

  it('has the profile given and the time of her making', async () => {
    const { born, clock } = makeWorld();
    const person = await born('a', null, { displayName: 'A', visibility: 'contacts' });
    expect(person).toMatchObject({
      displayName: 'A',
      avatarUrl: null,
      visibility: 'contacts',
      createdAt: clock.now(),
    });
  });

  it('never gets a stand-in that somebody had', async () => {
    const { born, people } = makeWorld();
    const first = await born(null, 'a');
    await people.remove(first.id);
    const again = await born(null, 'a');
    const other = await born(null, 'b');
    expect([first, again, other].map((person) => idOn(person, loud))).toEqual(['loud-1', 'loud-2', 'loud-3']);
  });

  it('gets a stand-in of her own when many come at once', async () => {
    const { people } = makeWorld();
    const ids = Array.from({ length: 8 }, (_, index) => `q${index}`);
    const born = await Promise.all(ids.map((id) => people.create([onQuiet(id)], PROFILE)));
    expect(new Set(born.map((person) => idOn(person, loud))).size).toBe(8);
  });

  it.each([
    ['without an account', [], 'bad_parameter'],
    ['with an account in the allocated stand-ins’ range', [onLoud('loud-9')], 'bad_parameter'],
    ['with an account in the derived stand-ins’ range', [onQuiet('quiet-of-a')], 'bad_parameter'],
    ['with somebody’s account', [onLoud('taken')], 'conflict'],
    ['with one free account and somebody’s', [onQuiet('free'), onLoud('taken')], 'conflict'],
  ])('%s is refused', async (_, own, code) => {
    const { born, people } = makeWorld();
    const taken = await born('taken', null);
    await expect(people.create(own, PROFILE)).rejects.toMatchObject({ code });
    expect(await people.page(null, 10)).toEqual([taken]);
  });

  it('is one of two who came for the same account at once', async () => {
    const { people } = makeWorld();
    const results = await Promise.allSettled([1, 2].map(() => people.create([onLoud('a')], PROFILE)));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  });
});

describe('people', () => {
  it('are nobody until they are made', async () => {
    const { people } = makeWorld();
    expect(await people.find(onLoud('a'))).toBeNull();
    expect(await people.find(onQuiet('quiet-of-a'))).toBeNull();
    const nobody = 'nobody' as PersonId;
    const missing = { code: 'not_found', message: 'No such person' };
    await expect(people.get(nobody)).rejects.toMatchObject(missing);
    await expect(people.edit(nobody, {})).rejects.toMatchObject(missing);
    await expect(people.remove(nobody)).rejects.toMatchObject(missing);
  });

  it('come in pages by id', async () => {
    const { born, people } = makeWorld();
    for (const id of ['a', 'b', 'c', 'd', 'e']) await born(id, null);
    const all = await people.page(null, 10);
    expect(all).toHaveLength(5);
    const first = await people.page(null, 2);
    const rest = await people.page(first[1]!.id, 10);
    expect([...first, ...rest]).toEqual(all);
    expect(await people.page(all[4]!.id, 10)).toEqual([]);
  });

  it('change only in what is given', async () => {
    const { born, people } = makeWorld();
    const person = await born('a', null, { displayName: 'A', avatarUrl: 'u' });
    const edited = await people.edit(person.id, { displayName: null, visibility: 'nobody' });
    expect(edited).toEqual({ ...person, displayName: null, visibility: 'nobody' });
    expect(await people.get(person.id)).toEqual(edited);
  });
});

describe('a removed person', () => {
  it('leaves nothing behind', async () => {
    const world = makeWorld();
    const { born, people, contacts, presence, tokens, store } = world;
    const [her, friend] = [await born(null, 'her'), await born('friend', null)];
    await contacts.change(her.id, [onLoud('friend'), onLoud('unborn')], []);
    await contacts.change(friend.id, [onQuiet('her')], []);
    await contacts.block(her.id, friend.id, true);
    await contacts.block(friend.id, her.id, true);
    const { token } = await tokens.issue(her.id, LOUD, (secret) => secret);
    await presence.write(her.id, says(rich, 'dnd'));

    await people.remove(her.id);

    expect(await people.find(onQuiet('her'))).toBeNull();
    expect(await people.find(onLoud('loud-1'))).toBeNull();
    expect(await tokens.verify(token)).toBeNull();
    expect(await tokens.list(her.id)).toEqual([]);
    expect(await store.get(her.id)).toBeNull();
    const { relations } = store;
    expect(await relations.contactsOf(her.id)).toEqual([]);
    expect(await relations.contactsOf(friend.id)).toEqual([]);
    expect(await relations.blocksOf(friend.id)).toEqual([]);
    expect(await relations.invites({ owner: her.id })).toEqual([]);
    expect(await people.page(null, 10)).toEqual([friend]);
  });

  it('may have said nothing', async () => {
    const { born, people } = makeWorld();
    const { id } = await born('a', null);
    await people.remove(id);
    expect(await people.page(null, 10)).toEqual([]);
  });

  it('may come back as somebody new', async () => {
    const { born, people, presence } = makeWorld();
    const first = await born('a', null);
    await presence.write(first.id, says(rich, 'dnd'));
    await people.remove(first.id);
    const second = await born('a', null);
    expect(second.id).not.toBe(first.id);
    expect((await presence.own(second.id)).mode).toBe('offline');
  });
});
