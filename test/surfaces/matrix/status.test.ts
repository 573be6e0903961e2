import { describe, expect, it } from 'vitest';
import type { Mode } from '../../../src/presence/record.ts';
import { OTHER, makeApp, statusPath, VERSIONS } from './matrix-app.ts';

/** Semantics §3, outward: what each mode is called to others. */
const SHOWN: Record<Mode, Record<'api/v1' | 'v3' | 'v3 with busy', string>> = {
  online: { 'api/v1': 'online', v3: 'online', 'v3 with busy': 'online' },
  chat: { 'api/v1': 'free_for_chat', v3: 'online', 'v3 with busy': 'online' },
  idle: { 'api/v1': 'unavailable', v3: 'unavailable', 'v3 with busy': 'unavailable' },
  dnd: { 'api/v1': 'unavailable', v3: 'unavailable', 'v3 with busy': 'org.matrix.msc3026.busy' },
  offline: { 'api/v1': 'offline', v3: 'offline', 'v3 with busy': 'offline' },
  invisible: { 'api/v1': 'offline', v3: 'offline', 'v3 with busy': 'offline' },
};

describe('PUT and GET status', () => {
  it.each(VERSIONS)('%s: what is put is what is got', async (version) => {
    const { call, alice, bob, clock } = await makeApp();
    const path = statusPath(alice.id, version);
    const body = { presence: 'unavailable', status_msg: ' I am here. 👩🏽‍💻\n' };
    const put = await call('PUT', path, { token: alice.token, body });
    expect([put.statusCode, put.body]).toEqual([200, '{}']);
    clock.advance(1234);
    for (const token of [alice.token, bob.token]) {
      const got = await call('GET', path, { token });
      expect([got.statusCode, got.json()]).toEqual([200, { ...body, last_active_ago: 1234 }]);
    }
  });

  const CELLS = Object.entries(SHOWN).flatMap(([mode, words]) =>
    Object.entries(words).map(([column, word]) => ({ mode: mode as Mode, column, word })),
  );
  it.each(CELLS)('$mode is $word on $column, to others and to herself', async ({ mode, column, word }) => {
    const { call, alice, bob, elsewhere } = await makeApp({ busy: column.endsWith('busy') });
    await elsewhere(alice, mode);
    for (const token of [alice.token, bob.token]) {
      const reply = await call('GET', statusPath(alice.id, column.split(' ')[0]), { token });
      expect(reply.json()).toMatchObject({ presence: word });
    }
  });

  it.each([
    { version: 'api/v1', absent: { status_msg: null } },
    { version: 'v3', absent: {} },
  ])('$version of somebody who never said anything', async ({ version, absent }) => {
    const { call, alice, bob } = await makeApp();
    for (const token of [alice.token, bob.token]) {
      const reply = await call('GET', statusPath(alice.id, version), { token });
      expect(reply.json()).toEqual({ presence: 'offline', ...absent });
    }
  });

  it.each([
    { name: 'absent clears a text from here', first: { status_msg: 'x' }, second: {}, left: null },
    { name: 'empty clears', first: { status_msg: 'x' }, second: { status_msg: '' }, left: null },
    {
      name: 'offline keeps a text',
      first: {},
      second: { presence: 'offline', status_msg: 'gone' },
      left: 'gone',
    },
    {
      name: 'whatever else is said is ignored',
      first: {},
      second: { status_msg: 'x', last_active_ago: 5, currently_active: false, user_id: '@bob:home.test' },
      left: 'x',
    },
  ])('status_msg: $name', async ({ first, second, left }) => {
    const { call, alice } = await makeApp();
    const path = statusPath(alice.id, 'api/v1');
    for (const body of [first, second]) {
      const reply = await call('PUT', path, { token: alice.token, body: { presence: 'online', ...body } });
      expect(reply.statusCode).toBe(200);
    }
    expect((await call('GET', path, { token: alice.token })).json()).toMatchObject({ status_msg: left });
  });

  it('a text from elsewhere survives an absent status_msg and is cleared by an empty one', async () => {
    const { call, alice, elsewhere } = await makeApp();
    const path = statusPath(alice.id);
    await elsewhere(alice, 'online', { kind: 'set', text: 'coding', emoji: ':computer:' });
    await call('PUT', path, { token: alice.token, body: { presence: 'unavailable' } });
    const kept = await call('GET', path, { token: alice.token });
    expect(kept.json()).toMatchObject({ presence: 'unavailable', status_msg: '💻 coding' });
    await call('PUT', path, { token: alice.token, body: { presence: 'unavailable', status_msg: '' } });
    expect((await call('GET', path, { token: alice.token })).json()).not.toHaveProperty('status_msg');
  });

  it('dnd from elsewhere stays under modern words and is lifted where busy is on', async () => {
    for (const busy of [false, true]) {
      const { call, alice, elsewhere, presence } = await makeApp({ busy });
      await elsewhere(alice, 'dnd');
      await call('PUT', statusPath(alice.id), { token: alice.token, body: { presence: 'online' } });
      expect((await presence.own(alice.person.id)).mode).toBe(busy ? 'online' : 'dnd');
    }
  });

  it('busy is written where it is on', async () => {
    const { call, alice, presence } = await makeApp({ busy: true });
    const body = { presence: 'org.matrix.msc3026.busy' };
    await call('PUT', statusPath(alice.id), { token: alice.token, body });
    expect((await presence.own(alice.person.id)).mode).toBe('dnd');
  });

  it('currently_active comes and goes with activity, on later versions only', async () => {
    const { call, alice, bob, clock } = await makeApp();
    await call('PUT', statusPath(alice.id), { token: alice.token, body: { presence: 'online' } });
    const get = async (version: string) =>
      (await call('GET', statusPath(alice.id, version), { token: bob.token })).json<object>();
    expect(await get('v3')).toEqual({ presence: 'online', last_active_ago: 0, currently_active: true });
    expect(await get('api/v1')).not.toHaveProperty('currently_active');
    clock.advance(60_001);
    expect(await get('v3')).toEqual({ presence: 'online', last_active_ago: 60_001 });
  });

  it('an invisible user reads to others as one who left then, and to herself with her own text', async () => {
    const { call, alice, bob, clock, elsewhere } = await makeApp();
    await elsewhere(alice, 'online', { kind: 'set', text: 'seen', emoji: null });
    clock.advance(1000);
    await elsewhere(alice, 'invisible');
    clock.advance(1000);
    await elsewhere(alice, 'invisible', { kind: 'set', text: 'unseen', emoji: null });
    const read = async (token: string) => (await call('GET', statusPath(alice.id), { token })).json<object>();
    expect(await read(bob.token)).toEqual({ presence: 'offline', last_active_ago: 1000, status_msg: 'seen' });
    expect(await read(alice.token)).toEqual({
      presence: 'offline',
      last_active_ago: 0,
      status_msg: 'unseen',
    });
  });
});

describe('who may see', () => {
  it.each(['contacts', 'nobody'] as const)('visibility %s answers like unknown', async (visibility) => {
    const { call, bob, user } = await makeApp();
    const carol = await user('carol', { visibility });
    const ask = async (id: string) => call('GET', statusPath(id), { token: bob.token });
    const [hidden, unknown] = [await ask(carol.id), await ask('@no:home.test')];
    expect(hidden.statusCode).toBe(404);
    expect(hidden.body).toBe(unknown.body);
    expect((await call('GET', statusPath(carol.id), { token: carol.token })).statusCode).toBe(200);
  });

  it('a block in either direction hides', async () => {
    const { call, alice, bob, contacts } = await makeApp();
    await contacts.block(alice.person.id, bob.person.id, true);
    expect((await call('GET', statusPath(alice.id), { token: bob.token })).statusCode).toBe(404);
    expect((await call('GET', statusPath(bob.id), { token: alice.token })).statusCode).toBe(404);
  });

  it('a contact sees, and stops seeing at once', async () => {
    const { call, bob, user, contacts } = await makeApp();
    const carol = await user('carol', { visibility: 'contacts' });
    const invite = [{ network: carol.person.addresses[0]!.network, id: bob.id }];
    const status = async () => (await call('GET', statusPath(carol.id), { token: bob.token })).statusCode;
    await contacts.change(carol.person.id, invite, []);
    expect(await status()).toBe(200);
    await contacts.change(carol.person.id, [], invite);
    expect(await status()).toBe(404);
  });
});

describe('addresses', () => {
  it('a stand-in leads to the person who has no account here', async () => {
    const { call, bob, stranger, elsewhere } = await makeApp();
    const carol = await stranger('carol');
    await elsewhere(carol, 'dnd');
    const reply = await call('GET', statusPath(carol.id, 'api/v1'), { token: bob.token });
    expect(reply.json()).toEqual({ presence: 'unavailable', last_active_ago: 0, status_msg: null });
  });

  it('the stand-in that a link replaced is still hers to write', async () => {
    const { call, alice, stranger, links } = await makeApp();
    const other = await stranger('alice-there');
    await links.link(alice.person.addresses[0]!, { network: OTHER.name, id: 'alice-there' });
    const put = await call('PUT', statusPath(other.id), { token: alice.token, body: { presence: 'online' } });
    expect(put.statusCode).toBe(200);
    const got = await call('GET', statusPath(alice.id), { token: alice.token });
    expect(got.json()).toMatchObject({ presence: 'online' });
  });

  it.each(['@alice:home.test', '%40alice%3Ahome.test', '%40alice:home.test'])('%s', async (id) => {
    const { call, alice } = await makeApp();
    for (const slash of ['', '/']) {
      const path = statusPath(id) + slash;
      const put = await call('PUT', path, { token: alice.token, body: { presence: 'online' } });
      const got = await call('GET', path, { token: alice.token });
      expect([put.statusCode, got.statusCode]).toEqual([200, 200]);
    }
  });

  it('historical localparts are served', async () => {
    const { call, user } = await makeApp();
    for (const name of ['Ünï/Code', "o'hara+1=2", '💻']) {
      const { id, token } = await user(name);
      const reply = await call('GET', statusPath(encodeURIComponent(id)), { token });
      expect(reply.statusCode).toBe(200);
    }
  });
});

describe('bodies', () => {
  it.each(['application/json', 'text/plain', 'application/x-www-form-urlencoded', 'nonsense', undefined])(
    'are read as %s',
    async (type) => {
      const { call, alice } = await makeApp();
      const reply = await call('PUT', statusPath(alice.id), {
        token: alice.token,
        body: Buffer.from('{"presence":"online"}'),
        headers: type === undefined ? {} : { 'content-type': type },
      });
      expect(reply.statusCode).toBe(200);
    },
  );
});
