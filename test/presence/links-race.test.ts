import { describe, expect, it } from 'vitest';
import type { DirectoryChange } from '../../src/presence/directory.ts';
import { MemoryStore } from '../../src/stores/memory/memory-store.ts';
import { BridgeError } from '../../src/presence/errors.ts';
import { LOUD, poor, QUIET, rich, says } from './dialects.ts';
import { makeWorld, onLoud, onQuiet } from './world.ts';

/** A store where something happens just before a commit, as often as there are `events`. */
class BusyStore extends MemoryStore {
  events: (() => Promise<unknown>)[] = [];
  tries = 0;

  override async commit(changes: readonly DirectoryChange[]): Promise<void> {
    this.tries++;
    await this.events.shift()?.();
    return super.commit(changes);
  }
}

async function pair() {
  const store = new BusyStore();
  const world = makeWorld({ store });
  const both = [await world.born('a', null), await world.born(null, 'b')] as const;
  for (const { id } of both) await world.presence.write(id, says(rich, 'online'));
  world.clock.advance(1);
  store.tries = 0;
  return { ...world, store, both };
}

/** Semantics §10: what is accepted while accounts are linked or unlinked is not lost. */
describe('a write that comes between', () => {
  it.each([0, 1])('a link is in the one presence: person %d', async (writer) => {
    const { store, both, presence, links } = await pair();
    store.events = [() => presence.write(both[writer]!.id, says(rich, 'dnd'))];
    const { person } = await links.link(onLoud('a'), onQuiet('b'));
    expect(store.tries).toBe(2);
    expect((await presence.own(person.id)).mode).toBe('dnd');
  });

  it('an unlink stays with whom it was written for', async () => {
    const { store, presence, links } = await pair();
    const { person } = await links.link(onLoud('a'), onQuiet('b'));
    store.events = [() => presence.write(person.id, says(rich, 'dnd'))];
    await links.unlink(person.id);
    expect((await presence.own(person.id)).mode).toBe('dnd');
  });

  it.each(['link', 'unlink'] as const)('never twice: a %s holds all or nothing', async (way) => {
    const { store, both, links } = await pair();
    if (way === 'unlink') await links.link(onLoud('a'), onQuiet('b'));
    const failure = new BridgeError('store_unavailable');
    store.events = [() => Promise.reject(failure)];
    const change = way === 'link' ? links.link(onLoud('a'), onQuiet('b')) : links.unlink(both[0].id);
    await expect(change).rejects.toBe(failure);
    expect(await store.people.page(null, 10)).toHaveLength(way === 'link' ? 2 : 1);
  });

  it('every try of a link ends it as overloaded', async () => {
    const { store, both, presence, links } = await pair();
    store.events = Array.from({ length: 20 }, () => () => presence.write(both[0].id, says(rich, 'dnd')));
    await expect(links.link(onLoud('a'), onQuiet('b'))).rejects.toMatchObject({ code: 'overloaded' });
    expect(store.tries).toBe(16);
  });

  it('token and link, for the person who went, is not accepted and lost', async () => {
    const { both, presence, links, store } = await pair();
    const [elder, younger] = both;
    await links.link(onLoud('a'), onQuiet('b'));
    const accepted = await presence.write(younger.id, says(poor, 'idle')).then(
      () => true,
      () => false,
    );
    expect(await store.get(younger.id)).toBeNull();
    if (accepted) expect((await presence.own(elder.id)).mode).toBe('idle');
  });
});

describe('a write that comes between a removal', () => {
  it('does not stand in its way', async () => {
    const { store, both, presence, people } = await pair();
    const [her] = both;
    store.events = [() => presence.write(her.id, says(rich, 'dnd'))];
    await people.remove(her.id);
    expect(await store.get(her.id)).toBeNull();
  });

  it('is not accepted once she is gone', async () => {
    const { store, both, presence, people } = await pair();
    const [her] = both;
    await people.remove(her.id);
    await presence.write(her.id, says(rich, 'dnd')).catch(() => undefined);
    expect(await store.get(her.id)).toBeNull();
  });
});

describe('what else may come between a link', () => {
  it('a revocation is refused rather than undone', async () => {
    const { both, links, tokens } = await pair();
    const { token } = await tokens.issue(both[1].id, QUIET, (secret) => secret);
    const linked = links.link(onLoud('a'), onQuiet('b'));
    const revoked = tokens.revoke(both[1].id);
    await linked;
    await expect(revoked).rejects.toMatchObject({ code: 'not_found' });
    await tokens.revoke(both[0].id);
    expect(await tokens.verify(token)).toBeNull();
  });

  it('a token is not made for who has gone', async () => {
    const { both, links, tokens } = await pair();
    const linked = links.link(onLoud('a'), onQuiet('b'));
    const issued = tokens.issue(both[1].id, QUIET, (secret) => secret);
    await linked;
    await expect(issued).rejects.toMatchObject({ code: 'not_found' });
  });

  it('a contact is not accepted and lost', async () => {
    const { both, links, contacts } = await pair();
    const linked = links.link(onLoud('a'), onQuiet('b'));
    const invited = contacts.change(both[1].id, [onLoud('a')], []);
    await linked;
    await expect(invited).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('a token made for a stand-in', () => {
  it('ends with it, and never speaks for the account that takes its place', async () => {
    const { both, links, tokens } = await pair();
    const [a, b] = both;
    const plain = (secret: string) => secret;
    const own = [await tokens.issue(a.id, LOUD, plain), await tokens.issue(b.id, QUIET, plain)];
    const standIn = [await tokens.issue(a.id, QUIET, plain), await tokens.issue(b.id, LOUD, plain)];
    await links.link(onLoud('a'), onQuiet('b'));
    for (const { token } of own) expect((await tokens.verify(token))?.person).toBe(a.id);
    for (const { token } of standIn) expect(await tokens.verify(token)).toBeNull();
    const [elder, younger] = await links.unlink(a.id);
    expect((await tokens.verify(own[0]!.token))?.person).toBe(elder!.id);
    expect((await tokens.verify(own[1]!.token))?.person).toBe(younger!.id);
  });
});
