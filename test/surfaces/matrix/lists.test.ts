import { describe, expect, it } from 'vitest';
import type { MatrixApp } from './matrix-app.ts';
import { listPath, makeApp, statusPath } from './matrix-app.ts';

/** The list calls of one user. */
function listOf({ call }: MatrixApp, owner: { id: string; token: string }, version = 'api/v1') {
  const path = listPath(owner.id, version);
  const change = async (body: object) => {
    const reply = await call('POST', path, { token: owner.token, body });
    expect([reply.statusCode, reply.body]).toEqual([200, '{}']);
  };
  const entries = async () => {
    const reply = await call('GET', path, { token: owner.token });
    expect(reply.statusCode).toBe(200);
    return reply.json<{ user_id: string }[]>();
  };
  const ids = async () => (await entries()).map(({ user_id }) => user_id);
  return { change, entries, ids };
}

describe('presence lists', () => {
  it('start empty, and keep whom one invites until one drops them', async () => {
    const app = await makeApp();
    const { change, ids } = listOf(app, app.alice);
    expect(await ids()).toEqual([]);
    await change({});
    await change({ invite: [app.bob.id] });
    expect(await ids()).toEqual([app.bob.id]);
    await change({ drop: [app.bob.id] });
    expect(await ids()).toEqual([]);
  });

  it.each(['api/v1', 'r0'])('are one list on both versions, changed by %s', async (version) => {
    const app = await makeApp();
    await listOf(app, app.alice, version).change({ invite: [app.bob.id] });
    for (const reader of ['api/v1', 'r0']) {
      expect(await listOf(app, app.alice, reader).ids()).toEqual([app.bob.id]);
    }
  });

  it('answer with the event and flat copies of it', async () => {
    const app = await makeApp();
    const carol = await app.user('carol', { displayName: 'Carol', avatarUrl: 'mxc://home.test/c' });
    await listOf(app, app.alice).change({ invite: [carol.id, app.bob.id] });
    const body = { presence: 'free_for_chat', status_msg: 'hi' };
    await app.call('PUT', statusPath(carol.id, 'api/v1'), { token: carol.token, body });
    app.clock.advance(395);

    const profile = { user_id: carol.id, displayname: 'Carol', avatar_url: 'mxc://home.test/c' };
    const common = { last_active_ago: 395, status_msg: 'hi', ...profile };
    const legacy = { presence: 'free_for_chat', ...common };
    const modern = { presence: 'online', currently_active: true, ...common };
    const silent = { user_id: app.bob.id, presence: 'offline' };
    const entry = (content: object) => ({ type: 'm.presence', content, accepted: true, ...content });
    expect(await listOf(app, app.alice).entries()).toEqual([entry(legacy), entry(silent)]);
    expect(await listOf(app, app.alice, 'r0').entries()).toEqual([entry(modern), entry(silent)]);
  });

  it('keep the order of insertion; inviting again moves nobody', async () => {
    const app = await makeApp();
    const [zoe, carol] = [await app.user('zoe'), await app.stranger('carol')];
    const { change, ids } = listOf(app, app.alice);
    await change({ invite: [zoe.id, app.bob.id] });
    await change({ invite: [carol.id, zoe.id, zoe.id] });
    expect(await ids()).toEqual([zoe.id, app.bob.id, carol.id]);
  });

  it('take invites first, then drops, and skip empty entries', async () => {
    const app = await makeApp();
    const { change, ids } = listOf(app, app.alice);
    await change({ invite: ['', app.bob.id], drop: [app.bob.id, '', '@no:where.test'], other: 1 });
    expect(await ids()).toEqual([]);
  });

  it('do not tell unknown users from those who never answer', async () => {
    const app = await makeApp();
    const carol = await app.user('carol', { visibility: 'nobody' });
    const { change, ids } = listOf(app, app.alice);
    await change({ invite: [carol.id, '@no:where.test', '@_bridge_1:bridge.test'] });
    expect(await ids()).toEqual([]);
  });

  it('list whom one invited before she existed, from then on', async () => {
    const app = await makeApp();
    const { change, ids } = listOf(app, app.alice);
    await change({ invite: ['@later:home.test'] });
    expect(await ids()).toEqual([]);
    await app.user('later');
    expect(await ids()).toEqual(['@later:home.test']);
  });

  it('list contacts-only users once they invite back, and no longer once they drop', async () => {
    const app = await makeApp();
    const carol = await app.user('carol', { visibility: 'contacts' });
    const [mine, hers] = [listOf(app, app.alice), listOf(app, carol)];
    const status = async () =>
      (await app.call('GET', statusPath(carol.id), { token: app.alice.token })).statusCode;
    await mine.change({ invite: [carol.id] });
    expect([await mine.ids(), await status()]).toEqual([[], 404]);
    await hers.change({ invite: [app.alice.id] });
    expect([await mine.ids(), await status()]).toEqual([[carol.id], 200]);
    await hers.change({ drop: [app.alice.id] });
    expect([await mine.ids(), await status()]).toEqual([[], 404]);
  });

  it('follow visibility and blocks at once', async () => {
    const app = await makeApp();
    const { change, ids } = listOf(app, app.alice);
    const [alice, bob] = [app.alice.person.id, app.bob.person.id];
    await change({ invite: [app.bob.id] });
    await app.people.edit(bob, { visibility: 'nobody' });
    expect(await ids()).toEqual([]);
    await app.people.edit(bob, { visibility: 'everyone' });
    expect(await ids()).toEqual([app.bob.id]);
    await app.contacts.block(bob, alice, true);
    expect(await ids()).toEqual([]);
    await app.contacts.block(bob, alice, false);
    expect(await ids()).toEqual([app.bob.id]);
  });

  it('show an invisible contact exactly as one who went offline', async () => {
    const app = await makeApp();
    const { change, entries } = listOf(app, app.alice);
    const carol = await app.stranger('carol');
    await change({ invite: [app.bob.id, carol.id] });
    for (const one of [app.bob, carol]) await app.elsewhere(one, 'online');
    app.clock.advance(500);
    await app.elsewhere(app.bob, 'invisible');
    await app.elsewhere(carol, 'offline');
    app.clock.advance(500);
    await app.elsewhere(app.bob, 'invisible', { kind: 'set', text: 'unseen', emoji: null });
    const [hidden, gone] = await entries();
    const bob = { user_id: app.bob.id, presence: 'offline', last_active_ago: 500 };
    expect(hidden).toEqual({ type: 'm.presence', content: bob, accepted: true, ...bob });
    expect(gone).toMatchObject({ presence: 'offline', last_active_ago: 500 });
  });

  it('show herself what she sees of herself', async () => {
    const app = await makeApp();
    const { change, entries } = listOf(app, app.alice);
    await change({ invite: [app.alice.id] });
    await app.elsewhere(app.alice, 'invisible', { kind: 'set', text: 'mine', emoji: null });
    expect(await entries()).toMatchObject([{ presence: 'offline', status_msg: 'mine' }]);
  });

  it('leave out whoever became hidden while the list was read', async () => {
    const app = await makeApp();
    await listOf(app, app.alice).change({ invite: [app.bob.id] });
    const list = app.contacts.list.bind(app.contacts);
    app.contacts.list = async (owner) => {
      const people = await list(owner);
      await app.contacts.block(app.bob.person.id, owner, true);
      return people;
    };
    expect(await listOf(app, app.alice).entries()).toEqual([]);
  });
});
