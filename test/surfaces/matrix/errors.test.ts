import { beforeAll, describe, expect, it } from 'vitest';
import type { RefusedRequest } from '../../fixtures/matrix-errors.ts';
import { LIST_ERRORS, STATUS_ERRORS } from '../../fixtures/matrix-errors.ts';
import { BridgeError } from '../../../src/presence/errors.ts';
import type { MatrixApp } from './matrix-app.ts';
import { listPath, makeApp, statusPath, VERSIONS } from './matrix-app.ts';

/** Sends the request as alice and expects it refused with nothing changed. */
async function expectRefused(
  app: MatrixApp,
  version: string,
  row: Omit<RefusedRequest, 'name'>,
): Promise<void> {
  const named = (text: string) => text.replaceAll('{me}', app.alice.id).replaceAll('{other}', app.bob.id);
  const raw = typeof row.body === 'string' || Buffer.isBuffer(row.body) || row.body === undefined;
  const token = row.token === 'unknown' ? 'pxb_nobody' : row.token === 'none' ? undefined : app.alice.token;
  const reply = await app.call(row.method, named(`${version}/${row.path}`), {
    ...(token !== undefined && { token }),
    body: raw ? row.body : named(JSON.stringify(row.body)),
  });
  expect(reply.statusCode).toBe(row.status);
  expect(reply.headers['content-type']).toMatch(/^application\/json/);
  expect(reply.headers['access-control-allow-origin']).toBe('*');
  const soft = row.errcode === 'M_UNKNOWN_TOKEN' ? { soft_logout: false } : {};
  expect(reply.json()).toEqual({ errcode: row.errcode, error: expect.stringMatching(/./), ...soft });
  expect(await app.store.get(app.alice.person.id)).toBeNull();
  expect(await app.contacts.list(app.alice.person.id)).toEqual([]);
}

describe.each(VERSIONS)('refusals of %s', (version) => {
  let app: MatrixApp;
  beforeAll(async () => {
    app = await makeApp();
  });

  it.each(STATUS_ERRORS)('$name', async (row) => {
    await expectRefused(app, version, row);
  });
});

describe.each(['api/v1', 'r0'])('list refusals of %s', (version) => {
  let app: MatrixApp;
  beforeAll(async () => {
    app = await makeApp();
  });

  it.each(LIST_ERRORS)('$name', async (row) => {
    await expectRefused(app, version, row);
  });
});

describe('what depends on the version', () => {
  it.each(['r0', 'v3', 'unstable'])('%s has no free_for_chat', async (version) => {
    await expectRefused(await makeApp({ busy: true }), version, {
      method: 'PUT',
      path: 'presence/{me}/status',
      body: { presence: 'free_for_chat' },
      status: 400,
      errcode: 'M_BAD_JSON',
    });
  });

  it.each([
    { version: 'v3', busy: false },
    { version: 'api/v1', busy: true },
  ])('$version has no busy when busy is $busy', async ({ version, busy }) => {
    await expectRefused(await makeApp({ busy }), version, {
      method: 'PUT',
      path: 'presence/{me}/status',
      body: { presence: 'org.matrix.msc3026.busy' },
      status: 400,
      errcode: 'M_BAD_JSON',
    });
  });

  it.each(['v3', 'unstable'])('%s has no lists', async (version) => {
    const row = { method: 'GET', path: 'presence/list/{me}', status: 404, errcode: 'M_UNRECOGNIZED' };
    await expectRefused(await makeApp(), version, row);
  });
});

describe('limits', () => {
  it('writes of every kind share one budget, before the body is looked at', async () => {
    const { call, alice, bob, clock } = await makeApp({ writes: { burst: 2, perSecond: 0.4 } });
    const put = (body: unknown) => call('PUT', statusPath(alice.id), { token: alice.token, body });
    expect((await put({ presence: 'online' })).statusCode).toBe(200);
    expect((await call('POST', listPath(alice.id), { token: alice.token, body: {} })).statusCode).toBe(200);

    const refused = await put('{');
    expect(refused.statusCode).toBe(429);
    expect(refused.headers['retry-after']).toBe('3');
    expect(refused.json()).toEqual({
      errcode: 'M_LIMIT_EXCEEDED',
      error: expect.any(String),
      retry_after_ms: 2500,
    });
    expect((await call('POST', listPath(alice.id), { token: alice.token, body: {} })).statusCode).toBe(429);
    expect((await call('GET', statusPath(alice.id), { token: alice.token })).statusCode).toBe(200);
    expect((await call('PUT', statusPath(bob.id), { token: alice.token, body: {} })).statusCode).toBe(403);

    clock.advance(2500);
    expect((await put({ presence: 'online' })).statusCode).toBe(200);
  });

  it('meters failed authentication, and no live token', async () => {
    const { call, alice } = await makeApp({ failures: { burst: 2, perSecond: 1 } });
    const statuses = [];
    for (const token of ['bad', undefined, 'bad', undefined, alice.token]) {
      const reply = await call('GET', statusPath(alice.id), token === undefined ? {} : { token });
      statuses.push(reply.statusCode);
    }
    expect(statuses).toEqual([401, 401, 429, 429, 200]);
  });

  it('a full list refuses more', async () => {
    const { call, alice, bob } = await makeApp({ maxContacts: 1 });
    const body = { invite: [bob.id, '@no:where.test'] };
    const reply = await call('POST', listPath(alice.id), { token: alice.token, body });
    expect(reply.statusCode).toBe(403);
    expect(reply.json()).toMatchObject({ errcode: 'M_RESOURCE_LIMIT_EXCEEDED' });
  });
});

describe('trouble inside', () => {
  it.each([
    { thrown: new BridgeError('store_unavailable', 'disk 7 is full'), status: 503 },
    { thrown: new BridgeError('overloaded'), status: 503 },
    { thrown: new Error('secret of the house'), status: 500 },
  ])('answers $status and keeps the reason: $thrown.message', async ({ thrown, status }) => {
    const { call, alice, store } = await makeApp();
    store.get = () => Promise.reject(thrown);
    const reply = await call('GET', statusPath(alice.id), { token: alice.token });
    expect(reply.statusCode).toBe(status);
    expect(reply.headers['retry-after']).toBe(status === 503 ? '1' : undefined);
    expect(reply.json()).toMatchObject({ errcode: 'M_UNKNOWN' });
    expect(reply.body).not.toMatch(/disk|secret/);
  });

  it('trouble while a token is looked up is no unknown token', async () => {
    const { call, alice, store } = await makeApp();
    store.tokens.byHash = () => Promise.reject(new BridgeError('store_unavailable'));
    const reply = await call('GET', statusPath(alice.id), { token: alice.token });
    expect(reply.statusCode).toBe(503);
  });
});
