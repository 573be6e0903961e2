import { beforeAll, describe, expect, it } from 'vitest';
import { BridgeError } from '../../../src/presence/errors.ts';
import { readToken } from '../../../src/surfaces/plexichat/auth.ts';
import { sentValues } from '../../../src/surfaces/http/raw-headers.ts';
import type { RefusedRequest } from '../../fixtures/plexichat-errors.ts';
import { AUTH_ERRORS, BODY_ERRORS, PATH_ERRORS } from '../../fixtures/plexichat-errors.ts';
import type { PlexichatApp } from './plexichat-app.ts';
import { makeApp, OTHER } from './plexichat-app.ts';

let app: PlexichatApp;
beforeAll(async () => {
  app = await makeApp();
});

/** Sends the request as alice and expects it refused with nothing changed. */
async function expectRefused(row: RefusedRequest): Promise<void> {
  const { method = 'PUT', path = '/users/@me/presence', type = 'application/json' } = row;
  const { authorization = 'Bearer {token}', body = '{"status":"online"}' } = row;
  const named = (text: string) =>
    text
      .replaceAll('{me}', app.alice.id)
      .replaceAll('{other}', app.bob.id)
      .replaceAll('{token}', app.alice.token);
  const reply = await app.call(method, named(path), {
    headers: {
      ...(authorization !== null && { authorization: named(authorization) }),
      ...(type !== null && { 'content-type': type }),
    },
    ...(body !== null && method !== 'GET' && { body }),
  });
  expect(reply.json()).toEqual({ error: { code: row.status, message: row.message } });
  expect(reply.statusCode).toBe(row.status);
  expect(reply.headers['content-type']).toBe('application/json');
  expect(await app.store.get(app.alice.person.id)).toBeNull();
}

describe('refused bodies', () => {
  it.each(BODY_ERRORS)('$name', expectRefused);
});

describe.each([
  { method: 'PUT', path: '/users/@me/presence' },
  { method: 'GET', path: '/users/{me}/presence' },
  { method: 'GET', path: '/users/@me' },
])('refused callers of $method $path', (request) => {
  it.each(AUTH_ERRORS)('$name', async (row) => {
    await expectRefused({ ...request, ...row });
  });

  it('a token of the other network, even if it looks like one of ours', async () => {
    const { token } = await app.tokens.issue(app.alice.person.id, OTHER.name, (secret) => `7.${secret}`);
    const refusal = { status: 401, message: 'Invalid/Revoked' };
    await expectRefused({ ...request, name: '', authorization: `Bearer ${token}`, ...refusal });
  });
});

describe('refused paths, and the order of checks', () => {
  it.each(PATH_ERRORS)('$name', expectRefused);

  it('HEAD, which Fastify alone would answer as GET', async () => {
    const reply = await app.call('HEAD', `/users/${app.alice.id}/presence`, app.alice);
    expect(reply.statusCode).toBe(405);
    expect(reply.headers.allow).toBe('GET, PUT');
  });

  it('says what may be done with the presence of others', async () => {
    const reply = await app.call('PUT', `/users/${app.bob.id}/presence`, app.alice);
    expect(reply.headers.allow).toBe('GET');
  });

  it('a URL that cannot be decoded', async () => {
    const reply = await app.call('GET', '/users/%ff/presence', app.alice);
    expect(reply.statusCode).toBe(400);
    expect(reply.json()).toEqual({ error: { code: 400, message: 'Invalid request' } });
  });
});

describe('the header as it was sent', () => {
  it('two of them are refused, although Node keeps one', () => {
    const raw = [
      'Host',
      'x',
      'Authorization',
      'Bearer 1.a',
      'AUTHORIZATION',
      'Bearer 2.b',
      'X',
      'authorization',
    ];
    const values = sentValues(raw, 'authorization');
    expect(values).toEqual(['Bearer 1.a', 'Bearer 2.b']);
    expect(readToken(values, true)).toEqual(
      new BridgeError('missing_token', 'Multiple Authorization headers'),
    );
  });
});

describe('trouble inside', () => {
  async function failing(error: Error): Promise<PlexichatApp> {
    const broken = await makeApp();
    broken.store.compareAndSet = () => Promise.reject(error);
    return broken;
  }

  it.each([
    [new Error('disk /dev/sda1 on fire'), 500, 'Internal server error', undefined],
    [new BridgeError('store_unavailable', 'SQLITE_FULL'), 503, 'Service unavailable', '1'],
    [new BridgeError('overloaded', 'queue', { retryAfterMs: 2500 }), 503, 'Service unavailable', '3'],
  ])('%s', async (error, status, message, retryAfter) => {
    const { call, alice } = await failing(error);
    const reply = await call('PUT', '/users/@me/presence', {
      token: alice.token,
      body: { status: 'online' },
    });
    expect(reply.statusCode).toBe(status);
    expect(reply.headers['retry-after']).toBe(retryAfter);
    expect(reply.json()).toEqual({ error: { code: status, message } });
  });
});
