import { beforeEach, describe, expect, it } from 'vitest';
import type { MatrixApp } from './matrix-app.ts';
import { makeApp, NETWORK, OTHER } from './matrix-app.ts';

let app: MatrixApp;
beforeEach(async () => {
  app = await makeApp();
});

const filters = (id: string, version = 'v3') => `${version}/user/${id}/filter`;

describe.each(['r0', 'v3'])('what SDKs need of %s', (version) => {
  const RULES = { global: { override: [], content: [], room: [], sender: [], underride: [] } };
  it.each([
    { path: 'pushrules', body: RULES },
    { path: 'pushrules/', body: RULES },
    { path: 'joined_rooms', body: { joined_rooms: [] } },
    { path: 'capabilities', body: { capabilities: {} } },
    { path: 'voip/turnServer', body: {} },
  ])('$path is empty, for those with a token', async ({ path, body }) => {
    const reply = await app.call('GET', `${version}/${path}`, app.alice);
    expect([reply.statusCode, reply.json()]).toEqual([200, body]);
    expect((await app.call('GET', `${version}/${path}`)).statusCode).toBe(401);
    expect((await app.call('PUT', `${version}/${path}`, app.alice)).statusCode).toBe(405);
  });

  it('login has no way in, and says who has', async () => {
    const reply = await app.call('GET', `${version}/login`);
    expect([reply.statusCode, reply.json()]).toEqual([200, { flows: [] }]);
    const refused = await app.call('POST', `${version}/login`, { body: { type: 'm.login.password' } });
    expect([refused.statusCode, refused.json()]).toEqual([
      403,
      { errcode: 'M_FORBIDDEN', error: expect.stringContaining('operator') },
    ]);
  });

  it('account data is never found, and nobody else is asked about', async () => {
    const ask = (id: string) => app.call('GET', `${version}/user/${id}/account_data/m.direct`, app.alice);
    const mine = await ask(app.alice.id);
    expect([mine.statusCode, mine.json()]).toMatchObject([404, { errcode: 'M_NOT_FOUND' }]);
    expect((await ask(app.bob.id)).statusCode).toBe(403);
  });

  it('filters are kept as they were given', async () => {
    const body = { room: { timeline: { limit: 20 } }, presence: { types: ['m.presence'] }, other: [1] };
    const posted = await app.call('POST', filters(app.alice.id, version), { ...app.alice, body });
    expect([posted.statusCode, posted.json()]).toEqual([200, { filter_id: expect.stringMatching(/^[^{]/) }]);
    const path = `${filters(app.alice.id, version)}/${posted.json().filter_id}`;
    const got = await app.call('GET', path, app.alice);
    expect([got.statusCode, got.json()]).toEqual([200, body]);
  });

  it('logout ends this token and no other', async () => {
    const other = await app.token(app.alice.person, NETWORK);
    const reply = await app.call('POST', `${version}/logout`, { ...app.alice, body: {} });
    expect([reply.statusCode, reply.json()]).toEqual([200, {}]);
    const ask = async (token: string) => (await app.call('GET', 'v3/account/whoami', { token })).statusCode;
    expect([await ask(app.alice.token), await ask(other)]).toEqual([401, 200]);
  });

  it('logout works without a body and with the token in the query', async () => {
    const reply = await app.call('POST', `${version}/logout?access_token=${app.alice.token}`);
    expect(reply.statusCode).toBe(200);
    expect(await app.tokens.verify(app.alice.token)).toBeNull();
  });

  it('logout/all ends all of hers here, none of the other network, none of anybody else', async () => {
    const second = await app.token(app.alice.person, NETWORK);
    const elsewhere = await app.token(app.alice.person, OTHER);
    expect((await app.call('POST', `${version}/logout/all`, app.alice)).json()).toEqual({});
    const left = await Promise.all(
      [app.alice.token, second, elsewhere, app.bob.token].map((token) => app.tokens.verify(token)),
    );
    expect(left.map((caller) => caller !== null)).toEqual([false, false, true, true]);
  });

  it('profiles are shown to those who may see', async () => {
    const profile = { displayName: 'Carol', avatarUrl: 'mxc://home.test/c' };
    const carol = await app.user('carol', profile);
    const ask = (id: string) => app.call('GET', `${version}/profile/${id}`, app.alice);
    expect((await ask(carol.id)).json()).toEqual({
      displayname: 'Carol',
      avatar_url: 'mxc://home.test/c',
    });
    expect((await ask(app.alice.id)).json()).toEqual({});
    await app.people.edit(carol.person.id, { visibility: 'nobody' });
    const [hidden, unknown] = [await ask(carol.id), await ask('@no:home.test')];
    expect([hidden.statusCode, hidden.json()]).toMatchObject([404, { errcode: 'M_NOT_FOUND' }]);
    expect(hidden.body).toBe(unknown.body);
    expect((await ask('nonsense')).statusCode).toBe(400);
  });
});

describe('refused filters', () => {
  it.each([
    { name: 'of somebody else', of: 'bob', body: {}, status: 403, errcode: 'M_FORBIDDEN' },
    { name: 'of a malformed id', of: 'x', body: {}, status: 400, errcode: 'M_INVALID_PARAM' },
    { name: 'that are no JSON', of: 'alice', body: '{', status: 400, errcode: 'M_NOT_JSON' },
    { name: 'without a body', of: 'alice', status: 400, errcode: 'M_NOT_JSON' },
    { name: 'of the wrong shape', of: 'alice', body: { presence: 1 }, status: 400, errcode: 'M_BAD_JSON' },
    {
      name: 'beyond 1,024 bytes',
      of: 'alice',
      body: { x: 'x'.repeat(1024) },
      status: 413,
      errcode: 'M_TOO_LARGE',
    },
  ])('$name', async ({ of, body, status, errcode }) => {
    const id = of === 'x' ? 'x' : app[of as 'alice'].id;
    const reply = await app.call('POST', filters(id), { ...app.alice, body });
    expect([reply.statusCode, reply.json()]).toMatchObject([status, { errcode }]);
  });

  it('unknown ids are not found, those of others forbidden', async () => {
    const ask = (id: string) => app.call('GET', `${filters(id)}/0`, app.alice);
    expect((await ask(app.alice.id)).json()).toMatchObject({ errcode: 'M_NOT_FOUND' });
    expect((await ask(app.bob.id)).statusCode).toBe(403);
  });
});
