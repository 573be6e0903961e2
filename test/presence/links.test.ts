import { describe, expect, it } from 'vitest';
import type { Person, PersonId, Visibility } from '../../src/presence/identity.ts';
import { idOn } from '../../src/presence/network.ts';
import { LOUD, poor, QUIET, rich, says } from './dialects.ts';
import type { World } from './world.ts';
import { loud, makeWorld, onLoud, onQuiet, quiet } from './world.ts';

const text = (text: string) => ({ kind: 'set', text, emoji: null }) as const;

/** Two people, the one on the loud network born first. */
async function pair(world: World, loudProfile = {}, quietProfile = {}): Promise<[Person, Person]> {
  return [await world.born('a', null, loudProfile), await world.born(null, 'b', quietProfile)];
}

async function link(world: World): Promise<Person> {
  return (await world.links.link(onLoud('a'), onQuiet('b'))).person;
}

async function listed({ contacts }: World, owner: PersonId): Promise<PersonId[]> {
  return (await contacts.list(owner)).map(({ id }) => id);
}

/** Semantics §1. */
describe('two linked accounts', () => {
  it.each([
    ['the one', onLoud('a'), onQuiet('b')],
    ['the other', onQuiet('b'), onLoud('a')],
  ])('are one person, the older of the two, whoever is named first: %s', async (_, first, second) => {
    const world = makeWorld();
    const [elder] = await pair(world);
    const { person, changed } = await world.links.link(first, second);
    expect(changed).toBe(true);
    expect(person).toMatchObject({ id: elder.id, createdAt: elder.createdAt });
    expect([idOn(person, loud), idOn(person, quiet)]).toEqual(['a', 'b']);
    expect(await world.people.page(null, 10)).toEqual([person]);
  });

  it('are the older person also when that one is on the other network', async () => {
    const world = makeWorld();
    const elder = await world.born(null, 'b');
    await world.born('a', null);
    expect((await link(world)).id).toBe(elder.id);
  });

  it('leave every id that they ever had leading to them', async () => {
    const world = makeWorld();
    await pair(world);
    const person = await link(world);
    for (const address of [onLoud('a'), onQuiet('b'), onLoud('loud-1'), onQuiet('quiet-of-a')]) {
      expect(await world.people.find(address)).toEqual(person);
    }
  });

  it('stay as they are when linked again, by whatever id', async () => {
    const world = makeWorld();
    await pair(world);
    const person = await link(world);
    expect(await world.links.link(onLoud('a'), onQuiet('b'))).toEqual({ person, changed: false });
    expect(await world.links.link(onQuiet('quiet-of-a'), onLoud('loud-1'))).toEqual({
      person,
      changed: false,
    });
  });

  it('have the presence of the newest write, a version above both', async () => {
    const world = makeWorld();
    const [elder, younger] = await pair(world);
    await world.presence.write(elder.id, says(rich, 'dnd', text('old')));
    world.clock.advance(1);
    for (const mode of ['online', 'offline', 'idle'] as const) {
      await world.presence.write(younger.id, says(poor, mode, text('new')));
    }
    const { id } = await link(world);
    expect(await world.presence.own(id)).toMatchObject({ mode: 'idle', status: { text: 'new' } });
    expect((await world.store.get(id))?.version).toBe(4);
    expect(await world.store.get(younger.id)).toBeNull();
  });

  it('keep the presence of the one who had any', async () => {
    const world = makeWorld();
    const [elder] = await pair(world);
    await world.presence.write(elder.id, says(rich, 'dnd'));
    expect((await world.presence.own((await link(world)).id)).mode).toBe('dnd');

    const other = makeWorld();
    const [, younger] = await pair(other);
    await other.presence.write(younger.id, says(poor, 'idle'));
    expect((await other.presence.own((await link(other)).id)).mode).toBe('idle');
  });

  it('complete each other’s profile', async () => {
    const world = makeWorld();
    await pair(world, { displayName: 'A' }, { displayName: 'B', avatarUrl: 'b.png' });
    expect(await link(world)).toMatchObject({ displayName: 'A', avatarUrl: 'b.png' });
  });

  it.each<[Visibility, Visibility, Visibility]>([
    ['everyone', 'everyone', 'everyone'],
    ['everyone', 'contacts', 'contacts'],
    ['contacts', 'everyone', 'contacts'],
    ['contacts', 'nobody', 'nobody'],
    ['nobody', 'everyone', 'nobody'],
  ])('with visibility %s and %s have the stricter: %s', async (one, two, both) => {
    const world = makeWorld();
    await pair(world, { visibility: one }, { visibility: two });
    expect((await link(world)).visibility).toBe(both);
  });

  it('bring their tokens along, at once', async () => {
    const world = makeWorld();
    const [elder, younger] = await pair(world);
    const tokens = [await world.token(elder, loud), await world.token(younger, quiet)];
    for (const token of tokens) await world.gate.admit(token, 'ip');
    const { id } = await link(world);
    const callers = await Promise.all(tokens.map((token) => world.gate.admit(token, 'ip')));
    expect(callers).toMatchObject([
      { person: id, network: LOUD },
      { person: id, network: QUIET },
    ]);
    expect(await world.tokens.list(id)).toHaveLength(2);
  });

  it('unite contacts, on either side of the list, and invites', async () => {
    const world = makeWorld();
    const [elder, younger] = await pair(world);
    const [x, y, fan] = [
      await world.born('x', null),
      await world.born('y', null),
      await world.born('fan', null),
    ];
    await world.contacts.change(elder.id, [onLoud('x'), onQuiet('b')], []);
    await world.contacts.change(younger.id, [onLoud('x'), onLoud('y'), onLoud('a'), onLoud('unborn')], []);
    await world.contacts.change(fan.id, [onQuiet('b')], []);
    const { id } = await link(world);
    expect(await listed(world, id)).toEqual([x.id, y.id]);
    expect(await listed(world, fan.id)).toEqual([id]);
    const unborn = await world.born('unborn', null);
    expect(await listed(world, id)).toContain(unborn.id);
    expect(await world.store.relations.contactsOf(younger.id)).toEqual([]);
    expect(await world.store.relations.listersOf(younger.id)).toEqual([]);
    expect(await world.store.relations.invites({ owner: younger.id })).toEqual([]);
  });

  it('unite blocks, but for those between them', async () => {
    const world = makeWorld();
    const [elder, younger] = await pair(world);
    const [x, y] = [await world.born('x', null), await world.born('y', null)];
    await world.contacts.block(younger.id, x.id, true);
    await world.contacts.block(y.id, younger.id, true);
    await world.contacts.block(elder.id, younger.id, true);
    const { id } = await link(world);
    expect(await world.store.relations.blocksOf(id)).toEqual([
      { blocker: id, blocked: x.id },
      { blocker: y.id, blocked: id },
    ]);
    expect(await world.store.relations.blocksOf(younger.id)).toEqual([]);
  });

  it('are refused when one is nobody’s', async () => {
    const world = makeWorld();
    await pair(world);
    await expect(world.links.link(onLoud('a'), onQuiet('c'))).rejects.toMatchObject({
      code: 'not_found',
      message: 'c belongs to nobody',
    });
  });

  it('are refused when one is already linked, and nothing changes', async () => {
    const world = makeWorld();
    await pair(world);
    const person = await link(world);
    const other = await world.born('c', null);
    for (const address of [onQuiet('b'), onLoud('a')]) {
      await expect(world.links.link(onLoud('c'), address)).rejects.toMatchObject({ code: 'conflict' });
    }
    expect(await world.people.get(person.id)).toEqual(person);
    expect(await world.people.get(other.id)).toEqual(other);
  });
});

describe('unlinked accounts', () => {
  it('are two people again, with the ids they had', async () => {
    const world = makeWorld();
    await pair(world, { displayName: 'A', visibility: 'contacts' });
    const { id } = await link(world);
    const people = await world.links.unlink(id);
    expect(people.map((person) => [idOn(person, loud), idOn(person, quiet)])).toEqual([
      ['a', 'quiet-of-a'],
      ['loud-1', 'b'],
    ]);
    expect(people[0]?.id).toBe(id);
    expect(people[1]?.id).not.toBe(id);
    expect(people[1]).toMatchObject({
      displayName: 'A',
      visibility: 'contacts',
      createdAt: world.clock.now(),
    });
    expect(await world.people.find(onLoud('loud-1'))).toEqual(people[1]);
    expect(await world.people.find(onQuiet('quiet-of-a'))).toEqual(people[0]);
  });

  it('that were one from the start get a stand-in that nobody had', async () => {
    const world = makeWorld();
    await world.born(null, 'earlier');
    const { id } = await world.born('a', 'b');
    const [, second] = await world.links.unlink(id);
    expect(idOn(second!, loud)).toBe('loud-2');
    expect(idOn(await world.born(null, 'later'), loud)).toBe('loud-3');
  });

  it('can be linked and unlinked over and over', async () => {
    const world = makeWorld();
    await pair(world);
    for (let round = 0; round < 3; round++) {
      const { id } = await link(world);
      const [first, second] = await world.links.unlink(id);
      expect([idOn(first!, quiet), idOn(second!, loud)]).toEqual(['quiet-of-a', 'loud-1']);
    }
  });

  it('both have the presence of before, and go their own ways', async () => {
    const world = makeWorld();
    await pair(world);
    const { id } = await link(world);
    await world.presence.write(id, says(rich, 'dnd', text('t')));
    const before = await world.presence.own(id);
    const [first, second] = await world.links.unlink(id);
    expect(await world.presence.own(first!.id)).toEqual(before);
    expect(await world.presence.own(second!.id)).toEqual(before);
    await world.presence.write(first!.id, says(rich, 'online'));
    expect((await world.presence.own(second!.id)).mode).toBe('dnd');
  });

  it('both have the contacts, the listers and the invites', async () => {
    const world = makeWorld();
    await pair(world);
    const { id } = await link(world);
    const [x, fan] = [await world.born('x', null), await world.born('fan', null)];
    await world.contacts.change(id, [onLoud('x'), onLoud('unborn')], []);
    await world.contacts.change(fan.id, [onLoud('a')], []);
    const [first, second] = await world.links.unlink(id);
    const unborn = await world.born('unborn', null);
    expect(await listed(world, first!.id)).toEqual([x.id, unborn.id]);
    expect(await listed(world, second!.id)).toEqual([x.id, unborn.id]);
    expect(await listed(world, fan.id)).toEqual([first!.id, second!.id]);
  });

  it('both are hidden from whom they blocked or who blocked them', async () => {
    const world = makeWorld();
    await pair(world);
    const { id } = await link(world);
    const [x, y] = [await world.born('x', null), await world.born('y', null)];
    await world.contacts.block(id, x.id, true);
    await world.contacts.block(y.id, id, true);
    for (const person of await world.links.unlink(id)) {
      expect(await world.presence.shown(x.id, person)).toBeNull();
      expect(await world.presence.shown(y.id, person)).toBeNull();
    }
  });

  it('keep their tokens, each network’s at its own person, at once', async () => {
    const world = makeWorld();
    await pair(world);
    const person = await link(world);
    const tokens = [await world.token(person, loud), await world.token(person, quiet)];
    for (const token of tokens) await world.gate.admit(token, 'ip');
    const [first, second] = await world.links.unlink(person.id);
    const callers = await Promise.all(tokens.map((token) => world.gate.admit(token, 'ip')));
    expect(callers.map((caller) => caller.person)).toEqual([first!.id, second!.id]);
  });

  it('must have been linked', async () => {
    const world = makeWorld();
    const people = await pair(world);
    for (const { id } of people) {
      await expect(world.links.unlink(id)).rejects.toMatchObject({
        code: 'conflict',
        message: 'The person is not linked',
      });
    }
    await expect(world.links.unlink('nobody' as PersonId)).rejects.toMatchObject({ code: 'not_found' });
  });
});
