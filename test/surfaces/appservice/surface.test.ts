import { describe, expect, it } from 'vitest';
import { BridgeError } from '../../../src/presence/errors.ts';
import { HS_TOKEN, makeApp } from './appservice-app.ts';

const EMPTY = { events: [] };
const ROOTS = ['/_matrix/app/v1', ''];

/** A path of every route. */
const ROUTES: [method: string, url: string][] = [
  ...ROOTS.flatMap((root): [string, string][] => [
    ['PUT', `${root}/transactions/1`],
    ['GET', `${root}/users/@_other_7:home.test`],
    ['GET', `${root}/rooms/%23room:home.test`],
  ]),
  ['POST', '/_matrix/app/v1/ping'],
  ...['v1', 'unstable'].flatMap((version): [string, string][] =>
    ['protocol/other', 'user', 'user/other', 'location', 'location/other'].map((path) => [
      'GET',
      `/_matrix/app/${version}/thirdparty/${path}`,
    ]),
  ),
];

describe('authorization', () => {
  const missing = { status: 401, body: { errcode: 'M_MISSING_TOKEN' } };
  const forbidden = { status: 403, body: { errcode: 'M_FORBIDDEN', error: 'Wrong hs_token' } };

  it.each(ROUTES)('%s %s needs the hs_token', async (method, url) => {
    const { call, received, asked } = await makeApp();
    expect(await call(method, url, { token: null, body: EMPTY })).toMatchObject(missing);
    expect(await call(method, url, { token: 'another', body: EMPTY })).toMatchObject(forbidden);
    expect([received, asked]).toEqual([[], []]);
    expect((await call(method, url, { body: EMPTY })).body).not.toMatchObject({ errcode: 'M_FORBIDDEN' });
  });

  it.each([
    ['in the header', `Bearer ${HS_TOKEN}`, '', 200],
    ['in the header, otherwise written', `bearer  ${HS_TOKEN}`, '', 200],
    ['in the query', undefined, `?access_token=${HS_TOKEN}`, 200],
    ['in both', `Bearer ${HS_TOKEN}`, `?a=b&access_token=${HS_TOKEN}`, 200],
    ['in the query, beside what a proxy added', 'Basic abc', `?access_token=${HS_TOKEN}`, 200],
    ['in both, wrong in the query', `Bearer ${HS_TOKEN}`, '?access_token=another', 403],
    ['in both, wrong in the header', 'Bearer another', `?access_token=${HS_TOKEN}`, 403],
    ['twice in the query, once wrong', undefined, `?access_token=${HS_TOKEN}&access_token=x`, 403],
    ['with an empty query', undefined, '?access_token=', 403],
    ['as something else', `Basic ${HS_TOKEN}`, '', 401],
    ['without a scheme', HS_TOKEN, '', 401],
    ['cut short', `Bearer ${HS_TOKEN.slice(0, -1)}`, '', 403],
  ])('takes the token %s', async (_name, authorization, query, status) => {
    const { app } = await makeApp();
    const headers = authorization === undefined ? {} : { authorization };
    const reply = await app.inject({ method: 'POST', url: `/_matrix/app/v1/ping${query}`, headers });
    expect(reply.statusCode).toBe(status);
  });

  it('is metered by address where it fails, and never where it does not', async () => {
    const { call } = await makeApp({}, { failures: { burst: 2, perSecond: 1 } });
    const ping = (token: string) => call('POST', '/_matrix/app/v1/ping', { token });
    expect([(await ping('a')).status, (await ping('b')).status]).toEqual([403, 403]);
    expect(await ping('c')).toMatchObject({ status: 429, body: { errcode: 'M_LIMIT_EXCEEDED' } });
    expect((await ping(HS_TOKEN)).status).toBe(200);
  });
});

describe.each(ROOTS)('PUT %s/transactions', (root) => {
  const put = `${root}/transactions/`;

  it('hands the transaction on and is answered once that has been done', async () => {
    const { call, received } = await makeApp();
    const body = { events: [], ephemeral: [{ type: 'm.presence' }] };
    expect(await call('PUT', `${put}a%2F1`, { body })).toMatchObject({ status: 200, body: {} });
    expect(received).toEqual([['a/1', body]]);
  });

  it('takes what homeservers send, beyond the limit for everybody else, up to one of its own', async () => {
    const { call, received } = await makeApp();
    const events = [{ body: 'x'.repeat(5_000_000) }];
    expect((await call('PUT', `${put}1`, { body: { events } })).status).toBe(200);
    expect(received).toHaveLength(1);
    const body = ' '.repeat(10 * 1024 * 1024 + 1);
    expect(await call('PUT', `${put}2`, { body })).toMatchObject({
      status: 413,
      body: { errcode: 'M_TOO_LARGE' },
    });
    expect(await call('PUT', `${put}2`, { body, token: null })).toMatchObject({ status: 401 });
  });

  it.each([
    ['nothing', undefined],
    ['half an object', '{"events":['],
    ['invalid UTF-8', Buffer.from('{"events":["\xff"]}', 'latin1')],
  ])('refuses %s', async (_name, body) => {
    const { call, received } = await makeApp();
    expect(await call('PUT', `${put}1`, { body })).toMatchObject({
      status: 400,
      body: { errcode: 'M_NOT_JSON' },
    });
    expect(received).toEqual([]);
  });

  it.each([
    ['store_unavailable', 503, 'M_UNKNOWN'],
    ['overloaded', 503, 'M_UNKNOWN'],
    ['bad_json', 400, 'M_BAD_JSON'],
  ] as const)('answers %s with %i', async (code, status, errcode) => {
    const receive = () => Promise.reject(new BridgeError(code));
    const { call } = await makeApp({ receiver: { receive } });
    expect(await call('PUT', `${put}1`, { body: EMPTY })).toMatchObject({ status, body: { errcode } });
  });

  it('keeps the text of a bug to itself', async () => {
    const receive = () => Promise.reject(new Error('secret'));
    const { call } = await makeApp({ receiver: { receive } });
    const { status, body } = await call('PUT', `${put}1`, { body: EMPTY });
    expect([status, body]).toEqual([500, { errcode: 'M_UNKNOWN', error: 'Internal error' }]);
  });
});

describe.each(ROOTS)('GET %s/users and rooms', (root) => {
  it('knows the stand-ins that somebody answers by', async () => {
    const { call, asked } = await makeApp();
    expect(await call('GET', `${root}/users/%40_other_7%3Ahome.test`)).toMatchObject({
      status: 200,
      body: {},
    });
    expect(await call('GET', `${root}/users/@_other_8:home.test`)).toMatchObject({
      status: 404,
      body: { errcode: 'M_NOT_FOUND' },
    });
    expect(asked).toEqual(['@_other_7:home.test', '@_other_8:home.test']);
  });

  it.each(['@alice:home.test', '@_other_7:else.test', 'nonsense', '@_other_:home.test'])(
    'does not even ask for %s',
    async (id) => {
      const { call, asked } = await makeApp({ provideStandIn: () => Promise.resolve(true) });
      expect(await call('GET', `${root}/users/${id}`)).toMatchObject({
        status: 404,
        body: { errcode: 'M_NOT_FOUND' },
      });
      expect(asked).toEqual([]);
    },
  );

  it('has no rooms', async () => {
    const { call } = await makeApp();
    expect(await call('GET', `${root}/rooms/%23room%3Ahome.test`)).toMatchObject({
      status: 404,
      body: { errcode: 'M_NOT_FOUND' },
    });
  });
});

describe('POST ping', () => {
  it.each([
    ['nothing', undefined],
    ['an id', { transaction_id: 'x' }],
    ['no JSON', '{'],
  ])('is answered, sent with %s', async (_name, body) => {
    const { call } = await makeApp();
    expect(await call('POST', '/_matrix/app/v1/ping', { body })).toMatchObject({ status: 200, body: {} });
  });
});

describe.each(['v1', 'unstable'])('GET %s thirdparty', (version) => {
  const root = `/_matrix/app/${version}/thirdparty`;

  it('describes its protocol, with instances', async () => {
    const { call } = await makeApp();
    expect(await call('GET', `${root}/protocol/other`)).toMatchObject({
      status: 200,
      body: { user_fields: [], location_fields: [], icon: '', field_types: {}, instances: [] },
    });
  });

  it.each([
    'user',
    'user?userid=@_other_7:home.test',
    'user/other',
    'location?alias=%23a:b',
    'location/other?a=b',
  ])('finds nobody by %s', async (path) => {
    const { call } = await makeApp();
    const { status, body } = await call('GET', `${root}/${path}`);
    expect([status, body]).toEqual([200, []]);
  });

  it.each(['protocol/irc', 'user/irc', 'location/irc'])('does not know %s', async (path) => {
    const { call } = await makeApp();
    expect(await call('GET', `${root}/${path}`)).toMatchObject({
      status: 404,
      body: { errcode: 'M_NOT_FOUND' },
    });
  });
});

describe('anything else', () => {
  it.each(ROUTES)('is a wrong method on the path of %s %s', async (method, url) => {
    const { call } = await makeApp();
    for (const other of ['GET', 'PUT', 'POST', 'DELETE'].filter((each) => each !== method)) {
      const { status, body, headers } = await call(other, url);
      expect([status, body.errcode, headers['allow']]).toEqual([405, 'M_UNRECOGNIZED', method]);
    }
  });

  it.each([
    '/_matrix/app/v1',
    '/_matrix/app/v1/transactions',
    '/_matrix/app/v1/users/@a:b/c',
    '/_matrix/app/v2/ping',
    '/_matrix/app/unstable/transactions/1',
    '/ping',
    '/thirdparty/user',
  ])('is an unknown path: %s', async (url) => {
    const { call } = await makeApp();
    expect(await call('GET', url)).toMatchObject({ status: 404, body: { errcode: 'M_UNRECOGNIZED' } });
  });
});
