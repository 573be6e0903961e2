import { describe, expect, it } from 'vitest';
import { matrixExamples } from '../../../src/surfaces/matrix/examples.ts';
import { listPath, makeApp, OTHER, statusPath, VERSIONS } from './matrix-app.ts';

const CORS = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, POST, PUT, DELETE, OPTIONS',
  'access-control-allow-headers': 'X-Requested-With, Content-Type, Authorization',
  'access-control-expose-headers': 'Retry-After',
  'cache-control': 'no-cache, no-store, must-revalidate',
};

describe('headers', () => {
  it.each([
    { method: 'GET', path: 'versions', status: 200 },
    { method: 'GET', path: statusPath('@alice:home.test'), status: 401 },
    { method: 'GET', path: 'v3/nowhere', status: 404 },
    { method: 'DELETE', path: 'versions', status: 405 },
    { method: 'GET', path: '..%2Fversions', status: 404 },
  ])('$method $path carries what browsers need', async ({ method, path, status }) => {
    const { call } = await makeApp();
    const reply = await call(method, path);
    expect(reply.statusCode).toBe(status);
    expect(reply.headers).toMatchObject(CORS);
  });

  it.each(['versions', statusPath('@alice:home.test'), listPath('x'), 'v3/nowhere'])(
    'OPTIONS %s is answered without a token',
    async (path) => {
      const { call } = await makeApp();
      const reply = await call('OPTIONS', path, { headers: { origin: 'https://app.test' } });
      expect([reply.statusCode, reply.body]).toEqual([204, '']);
      expect(reply.headers).toMatchObject(CORS);
    },
  );

  it.each(['/_matrix', '/_matrix/', '/_matrix/client', '/_matrix/federation/v1/version'])(
    '%s is unrecognized',
    async (url) => {
      const { app } = await makeApp();
      const reply = await app.inject({ method: 'GET', url });
      expect(reply.statusCode).toBe(404);
      expect(reply.json()).toMatchObject({ errcode: 'M_UNRECOGNIZED' });
    },
  );

  it('a wrong method learns the right ones', async () => {
    const { call } = await makeApp();
    const reply = await call('DELETE', statusPath('@alice:home.test'));
    expect(reply.headers['allow']).toBe('GET, HEAD, PUT');
  });

  it('HEAD answers like GET, without a body', async () => {
    const { call, alice } = await makeApp();
    for (const path of ['versions', statusPath(alice.id), listPath(alice.id), 'v3/account/whoami']) {
      const reply = await call('HEAD', path, { token: alice.token });
      expect([path, reply.statusCode, reply.body]).toEqual([path, 200, '']);
    }
    expect((await call('HEAD', statusPath('@no:where.test'), { token: alice.token })).statusCode).toBe(404);
  });

  it('an undecodable path is a bad parameter', async () => {
    const { call } = await makeApp();
    const reply = await call('GET', statusPath('%ZZ'));
    expect([reply.statusCode, reply.json()]).toMatchObject([400, { errcode: 'M_INVALID_PARAM' }]);
  });
});

describe('where tokens come from', () => {
  type Sources = { header?: string; query?: string };
  const LIVE = '{live}';
  const ROWS: (Sources & { status: number; errcode?: string })[] = [
    { header: `Bearer ${LIVE}`, status: 200 },
    { header: `bearer ${LIVE}`, status: 200 },
    { query: `access_token=${LIVE}`, status: 200 },
    { query: `a=b&access_token=${LIVE}&access_token=${LIVE}`, status: 200 },
    { header: `Bearer ${LIVE}`, query: `access_token=${LIVE}`, status: 200 },
    { status: 401, errcode: 'M_MISSING_TOKEN' },
    { header: 'Bearer ', status: 401, errcode: 'M_MISSING_TOKEN' },
    { header: `Basic ${LIVE}`, status: 401, errcode: 'M_MISSING_TOKEN' },
    { header: LIVE, status: 401, errcode: 'M_MISSING_TOKEN' },
    { header: `Bearer ${LIVE} x`, status: 401, errcode: 'M_MISSING_TOKEN' },
    { header: `Basic x`, query: `access_token=${LIVE}`, status: 401, errcode: 'M_MISSING_TOKEN' },
    { query: 'access_token=', status: 401, errcode: 'M_MISSING_TOKEN' },
    { header: `Bearer ${LIVE}`, query: 'access_token=x', status: 401, errcode: 'M_MISSING_TOKEN' },
    { query: `access_token=${LIVE}&access_token=x`, status: 401, errcode: 'M_MISSING_TOKEN' },
    { header: 'Bearer x', status: 401, errcode: 'M_UNKNOWN_TOKEN' },
    { query: 'access_token=x', status: 401, errcode: 'M_UNKNOWN_TOKEN' },
  ];
  const everywhere = ROWS.flatMap((row) => VERSIONS.map((version) => ({ version, ...row })));

  async function send({ version, header, query }: Sources & { version: string }, queryTokens = true) {
    const { call, alice } = await makeApp({ queryTokens });
    const fill = (text: string) => text.replaceAll(LIVE, alice.token);
    return call('GET', statusPath(alice.id, version) + (query === undefined ? '' : fill(`?${query}`)), {
      headers: header === undefined ? {} : { authorization: fill(header) },
    });
  }

  it.each(everywhere)('$version, header $header, query $query', async ({ status, errcode, ...given }) => {
    const reply = await send(given);
    expect(reply.statusCode).toBe(status);
    if (errcode !== undefined) expect(reply.json()).toMatchObject({ errcode });
  });

  it.each(VERSIONS)('%s with query tokens turned off', async (version) => {
    const reply = await send({ version, query: `access_token=${LIVE}` }, false);
    expect(reply.statusCode).toBe(version === 'api/v1' ? 200 : 401);
    const both = await send({ version, header: `Bearer ${LIVE}`, query: 'access_token=x' }, false);
    expect(both.statusCode).toBe(version === 'api/v1' ? 401 : 200);
  });

  it('a token of the other network is unknown here', async () => {
    const { call, alice, token } = await makeApp();
    const reply = await call('GET', statusPath(alice.id), { token: await token(alice.person, OTHER) });
    expect(reply.json()).toMatchObject({ errcode: 'M_UNKNOWN_TOKEN', soft_logout: false });
  });

  it('a revoked token is unknown at once', async () => {
    const { call, alice, tokens } = await makeApp();
    expect((await call('GET', statusPath(alice.id), { token: alice.token })).statusCode).toBe(200);
    await tokens.revoke(alice.person.id);
    expect((await call('GET', statusPath(alice.id), { token: alice.token })).statusCode).toBe(401);
  });
});

describe('GET versions', () => {
  it.each([false, true])('says whether busy is on: %s', async (busy) => {
    const { call } = await makeApp({ busy });
    for (const token of [undefined, 'nonsense']) {
      const reply = await call('GET', 'versions', token === undefined ? {} : { token });
      const { versions, unstable_features } = reply.json<{ versions: string[]; unstable_features: object }>();
      expect(versions).toHaveLength(14);
      expect(versions).toEqual(expect.arrayContaining(['r0.6.1', 'v1.1', 'v1.13']));
      expect(unstable_features).toEqual({ 'org.matrix.msc3026.busy_presence': busy });
    }
  });
});

describe('GET account/whoami', () => {
  it.each(['api/v1', 'r0', 'v3'])('%s names the caller and her device', async (version) => {
    const { call, alice, tokens } = await makeApp();
    const [grant] = await tokens.list(alice.person.id);
    const reply = await call('GET', `${version}/account/whoami`, { token: alice.token });
    expect(reply.json()).toEqual({ user_id: alice.id, device_id: grant?.deviceId, is_guest: false });
    expect((await call('GET', `${version}/account/whoami`)).statusCode).toBe(401);
  });
});

describe('the example lines', () => {
  it('do what they say', async () => {
    const { app, alice } = await makeApp();
    const replies = [];
    for (const line of matrixExamples('http://127.0.0.1:8790', alice.id, alice.token)) {
      const [, method = 'GET', url] =
        /^curl (?:-X (\w+) )?"http:\/\/127\.0\.0\.1:8790(\S+)"/.exec(line) ?? [];
      const authorization = /-H "Authorization: (.*)"$/.exec(line)?.[1];
      const payload = /-d '(.*)'$/.exec(line)?.[1];
      const reply = await app.inject({
        method: method as 'GET',
        url: url!,
        headers: authorization === undefined ? {} : { authorization },
        ...(payload !== undefined && { payload }),
      });
      replies.push(reply.json<object>());
    }
    const status = {
      presence: 'online',
      status_msg: 'Come and talk',
      last_active_ago: 0,
      currently_active: true,
    };
    expect(replies).toEqual([{}, status]);
  });
});
