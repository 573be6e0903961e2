import { beforeEach, describe, expect, it } from 'vitest';
import { OPERATOR } from '../../src/presence/audit.ts';
import type { World } from './world.ts';
import { makeWorld, onLoud, onQuiet } from './world.ts';
import { LOUD } from './dialects.ts';

let world: World;

beforeEach(() => {
  world = makeWorld();
});

async function kept() {
  const entries = await world.store.audit.page(null, 100);
  return entries.map(({ at, actor, action, subjects, details }) => ({
    at,
    actor,
    action,
    subjects,
    details,
  }));
}

describe('what is done to people is kept with it', () => {
  it('making, changing and forgetting somebody', async () => {
    const profile = { displayName: null, avatarUrl: null, visibility: 'everyone' } as const;
    const { id } = await world.people.create([onLoud('a'), onQuiet('b')], profile, OPERATOR);
    world.clock.advance(1);
    await world.people.edit(id, { displayName: 'Ann', visibility: 'nobody' }, OPERATOR);
    world.clock.advance(1);
    await world.people.remove(id, OPERATOR);
    const common = { actor: 'operator', subjects: [id] };
    const now = world.clock.now();
    expect(await kept()).toEqual([
      { ...common, at: now, action: 'person.remove', details: { accounts: 'a b' } },
      {
        ...common,
        at: now - 1,
        action: 'person.edit',
        details: { fields: 'displayName, visibility', visibility: 'nobody' },
      },
      { ...common, at: now - 2, action: 'person.create', details: { accounts: 'a b' } },
    ]);
  });

  it('tokens, by what names them and never themselves', async () => {
    const { id } = await world.born('a', null);
    const issued = await world.tokens.issue(id, LOUD, (secret) => `T${secret}`, 'phone', OPERATOR);
    await world.tokens.revoke(id, issued.token, OPERATOR);
    const [revoked, made] = await kept();
    expect(revoked).toMatchObject({ action: 'token.revoke', details: { token_ids: issued.id } });
    expect(made).toMatchObject({
      action: 'token.issue',
      subjects: [id],
      details: { network: LOUD, token_id: issued.id, device_id: 'phone' },
    });
    expect(JSON.stringify([revoked, made])).not.toContain(issued.token.slice(1, 20));
  });

  it('links by whoever made them, and only those that changed something', async () => {
    const [a, b] = [await world.born('a', null), await world.born(null, 'b')];
    await world.links.link(onLoud('a'), onQuiet('b'), b.id);
    await world.links.link(onLoud('a'), onQuiet('b'), b.id);
    const [, split] = await world.links.unlink(a.id, a.id);
    const accounts = 'a b';
    expect(await kept()).toMatchObject([
      { action: 'unlink', actor: a.id, subjects: [a.id, split?.id], details: { accounts } },
      { action: 'link', actor: b.id, subjects: [a.id, b.id], details: { accounts } },
    ]);
  });

  it('blocks and their end', async () => {
    const [a, b] = [await world.born('a', null), await world.born('b', null)];
    await world.contacts.block(a.id, b.id, true, OPERATOR);
    await world.contacts.block(a.id, b.id, false, OPERATOR);
    expect(await kept()).toMatchObject([
      { action: 'unblock', subjects: [a.id, b.id] },
      { action: 'block', subjects: [a.id, b.id] },
    ]);
  });
});

it('nothing is kept of what nobody did, or of what failed', async () => {
  const her = await world.born('a', null);
  await world.tokens.revoke(her.id);
  await expect(world.tokens.revoke(her.id, 'no such', OPERATOR)).rejects.toThrow();
  await expect(world.links.link(onLoud('a'), onQuiet('nobody'), OPERATOR)).rejects.toThrow();
  await expect(world.links.unlink(her.id, OPERATOR)).rejects.toThrow();
  expect(await kept()).toEqual([]);
});
