import { describe, expect, it } from 'vitest';
import type { Address, Person, PersonId, Visibility } from '../../src/presence/identity.ts';
import type { World } from './world.ts';
import { makeWorld, onLoud, onQuiet } from './world.ts';

async function listed({ contacts }: World, owner: Person): Promise<PersonId[]> {
  return (await contacts.list(owner.id)).map(({ id }) => id);
}

async function invite({ contacts }: World, owner: Person, ...addresses: Address[]): Promise<void> {
  await contacts.change(owner.id, addresses, []);
}

async function drop({ contacts }: World, owner: Person, ...addresses: Address[]): Promise<void> {
  await contacts.change(owner.id, [], addresses);
}

/** Semantics §9. */
describe('a contact list', () => {
  it.each<[Visibility, boolean, boolean]>([
    ['everyone', true, true],
    ['contacts', false, true],
    ['nobody', false, false],
  ])('invited whom %s may see: listed %s, and once she invites back %s', async (visibility, now, then) => {
    const world = makeWorld();
    const owner = await world.born('owner', null);
    const target = await world.born('target', null, { visibility });
    await invite(world, owner, onLoud('target'));
    expect(await listed(world, owner)).toEqual(now ? [target.id] : []);
    await invite(world, target, onLoud('owner'));
    expect(await listed(world, owner)).toEqual(then ? [target.id] : []);
  });

  it('is one, by whatever address its people are named', async () => {
    const world = makeWorld();
    const owner = await world.born('owner', null);
    const [a, b] = [await world.born('a', null), await world.born(null, 'b')];
    await invite(world, owner, onQuiet('quiet-of-a'), onLoud('a'), onLoud('loud-1'), onQuiet('b'));
    expect(await listed(world, owner)).toEqual([a.id, b.id]);
    await drop(world, owner, onLoud('a'), onLoud('loud-1'));
    expect(await listed(world, owner)).toEqual([]);
  });

  it('keeps its order, oldest first, however often somebody is invited', async () => {
    const world = makeWorld();
    const owner = await world.born('owner', null);
    const [a, b] = [await world.born('a', null), await world.born('b', null)];
    await invite(world, owner, onLoud('a'));
    await invite(world, owner, onLoud('b'));
    await invite(world, owner, onLoud('a'));
    expect(await listed(world, owner)).toEqual([a.id, b.id]);
  });

  it('drops last what is both invited and dropped', async () => {
    const world = makeWorld();
    const owner = await world.born('owner', null);
    await world.born('a', null);
    await world.contacts.change(owner.id, [onLoud('a')], [onLoud('a')]);
    expect(await listed(world, owner)).toEqual([]);
  });

  it('loses whom visibility or a drop takes away, and gets her again', async () => {
    const world = makeWorld();
    const owner = await world.born('owner', null);
    const target = await world.born('target', null);
    await invite(world, owner, onLoud('target'));
    await invite(world, target, onLoud('owner'));
    await world.people.edit(target.id, { visibility: 'contacts' });
    expect(await listed(world, owner)).toEqual([target.id]);
    await drop(world, target, onLoud('owner'));
    expect(await listed(world, owner)).toEqual([]);
    await world.people.edit(target.id, { visibility: 'everyone' });
    expect(await listed(world, owner)).toEqual([target.id]);
  });

  it('takes invites to addresses that are nobody’s; they become contacts when the person is made', async () => {
    const world = makeWorld();
    const [one, two] = [await world.born('one', null), await world.born('two', null)];
    await invite(world, one, onLoud('a'), onQuiet('b'));
    await invite(world, two, onQuiet('quiet-of-a'));
    expect(await listed(world, one)).toEqual([]);

    const a = await world.born('a', null);
    expect(await listed(world, one)).toEqual([a.id]);
    expect(await listed(world, two)).toEqual([a.id]);
    expect(await world.store.relations.invites({ address: onLoud('a') })).toEqual([]);

    const b = await world.born(null, 'b');
    expect(await listed(world, one)).toEqual([a.id, b.id]);
  });

  it('forgets an invite that is dropped before the person is made', async () => {
    const world = makeWorld();
    const owner = await world.born('owner', null);
    await invite(world, owner, onLoud('a'));
    await drop(world, owner, onQuiet('quiet-of-a'));
    await world.born('a', null);
    expect(await listed(world, owner)).toEqual([]);
  });

  it('names a person made with both accounts once, though both were invited', async () => {
    const world = makeWorld();
    const owner = await world.born('owner', null);
    await invite(world, owner, onLoud('a'), onQuiet('b'));
    const both = await world.born('a', 'b');
    expect(await listed(world, owner)).toEqual([both.id]);
  });
});

describe('the size of a contact list', () => {
  it('counts contacts and invites alike, and a change too many changes nothing', async () => {
    const world = makeWorld({ maxContacts: 3 });
    const owner = await world.born('owner', null);
    const a = await world.born('a', null);
    await invite(world, owner, onLoud('a'), onLoud('x'), onLoud('y'));
    await expect(invite(world, owner, onLoud('z'))).rejects.toMatchObject({ code: 'limit_reached' });
    await expect(world.contacts.change(owner.id, [onLoud('z'), onLoud('w')], [onLoud('x')])).rejects.toThrow(
      'A contact list holds at most 3 entries',
    );
    expect(await world.store.relations.invites({ owner: owner.id })).toHaveLength(2);
    expect(await listed(world, owner)).toEqual([a.id]);
  });

  it('counts every invite alike, so that it tells nobody who is who', async () => {
    const world = makeWorld({ maxContacts: 2 });
    const owner = await world.born('owner', null);
    await world.born('a', null);
    await invite(world, owner, onLoud('a'), onLoud('x'));
    for (const again of [onLoud('a'), onQuiet('quiet-of-a'), onLoud('x'), onLoud('unknown')]) {
      await expect(invite(world, owner, again)).rejects.toMatchObject({ code: 'limit_reached' });
    }
    await drop(world, owner, onLoud('x'));
    await invite(world, owner, onLoud('y'));
    const invites = await world.store.relations.invites({ owner: owner.id });
    expect(invites.map(({ address }) => address.id)).toEqual(['y']);
  });

  it('never stands in the way of a drop, also from a list that a link made too long', async () => {
    const world = makeWorld({ maxContacts: 1 });
    const [a, b] = [await world.born('a', null), await world.born(null, 'b')];
    await invite(world, a, onLoud('x'));
    await invite(world, b, onLoud('y'));
    const { person } = await world.links.link(onLoud('a'), onQuiet('b'));
    await drop(world, person, onLoud('z'));
    await drop(world, person, onLoud('x'));
    const invites = await world.store.relations.invites({ owner: person.id });
    expect(invites.map(({ address }) => address.id)).toEqual(['y']);
  });

  it('holds when many invite at once', async () => {
    const world = makeWorld({ maxContacts: 2 });
    const owner = await world.born('owner', null);
    const results = await Promise.allSettled(
      ['a', 'b', 'c', 'd'].map((id) => invite(world, owner, onLoud(id))),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
  });
});

describe('a block', () => {
  it('hides each from the other until it is taken back', async () => {
    const world = makeWorld();
    const [a, b] = [await world.born('a', null), await world.born('b', null)];
    await invite(world, a, onLoud('b'));
    await invite(world, b, onLoud('a'));
    const lists = async () => [await listed(world, a), await listed(world, b)];

    await world.contacts.block(a.id, b.id, true);
    expect(await lists()).toEqual([[], []]);
    expect(await world.presence.shown(b.id, a)).toBeNull();
    expect(await world.presence.shown(a.id, b)).toBeNull();
    await world.contacts.block(b.id, a.id, true);
    await world.contacts.block(a.id, b.id, false);
    expect(await lists()).toEqual([[], []]);
    await world.contacts.block(b.id, a.id, false);
    expect(await lists()).toEqual([[b.id], [a.id]]);
  });

  it('needs two people who exist', async () => {
    const world = makeWorld();
    const { id } = await world.born('a', null);
    const nobody = 'nobody' as PersonId;
    await expect(world.contacts.block(id, id, true)).rejects.toMatchObject({ code: 'bad_parameter' });
    await expect(world.contacts.block(id, nobody, true)).rejects.toMatchObject({ code: 'not_found' });
    await expect(world.contacts.block(nobody, id, true)).rejects.toMatchObject({ code: 'not_found' });
  });
});
