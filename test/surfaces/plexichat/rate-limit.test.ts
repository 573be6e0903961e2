import { describe, expect, it } from 'vitest';
import { START } from '../../helpers/clock.ts';
import { makeApp } from './plexichat-app.ts';

const write = { method: 'PUT', path: '/users/@me/presence' } as const;
const limited = { message: 'You are being rate limited.', global: false, scope: 'route' };

describe('the limit of writes', () => {
  it('is told with every answer, and refuses what is beyond it', async () => {
    const { call, clock, alice, bob } = await makeApp({ writes: { burst: 2, perSecond: 0.8 } });
    const put = (token: string, status: string) =>
      call(write.method, write.path, { token, body: { status } });

    const first = await put(alice.token, 'online');
    expect(first.statusCode).toBe(200);
    expect(first.headers).toMatchObject({
      'x-ratelimit-limit': '2',
      'x-ratelimit-remaining': '1',
      'x-ratelimit-reset': `${START / 1000 + 1}.250`,
      'x-ratelimit-reset-after': '1.250',
      'x-ratelimit-bucket': expect.stringMatching(/^[0-9a-f]{16}$/),
      'x-ratelimit-scope': 'route',
    });
    expect(first.headers).not.toHaveProperty('retry-after');

    const refused = await put(alice.token, 'away');
    expect(refused.statusCode).toBe(400);
    expect(refused.headers).toMatchObject({
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset-after': '2.500',
    });

    const beyond = await put(alice.token, 'away');
    expect(beyond.statusCode).toBe(429);
    expect(beyond.json()).toEqual({ ...limited, retry_after: 1.25 });
    expect(beyond.headers).toMatchObject({
      'retry-after': '2',
      'x-ratelimit-remaining': '0',
      'x-ratelimit-bucket': first.headers['x-ratelimit-bucket'],
    });

    expect((await put(bob.token, 'idle')).headers).toMatchObject({ 'x-ratelimit-remaining': '1' });
    clock.advance(1250);
    expect((await put(alice.token, 'idle')).statusCode).toBe(200);
  });

  it('does not count what never came so far, nor reads', async () => {
    const { call, put, look, alice } = await makeApp({ writes: { burst: 1, perSecond: 1 } });
    const headers = { 'content-type': 'application/json' };
    for (const request of [
      { token: alice.token, body: '{' },
      { token: '1.x', body: '{}' },
    ]) {
      const reply = await call(write.method, write.path, { ...request, headers });
      expect(reply.headers).not.toHaveProperty('x-ratelimit-limit');
    }
    expect(await put(alice.token, { status: 'idle' })).toMatchObject({ status: 'idle' });
    expect(await look(alice.token, '@me')).toMatchObject({ status: 'idle' });
  });
});

describe('the limit of failed authentication', () => {
  it('is counted by address, and spares live tokens', async () => {
    const { call, look, alice } = await makeApp({ failures: { burst: 4, perSecond: 0.5 } });
    const path = '/users/@me';
    const fail = (authorization: string) => call('GET', path, { headers: { authorization } });
    for (const authorization of ['', 'Bearer garbage', 'Bearer 1.unknown', 'Bearer a, Bearer b']) {
      expect((await fail(authorization)).statusCode).toBe(401);
    }
    for (const authorization of ['', 'Bearer 1.unknown']) {
      const reply = await fail(authorization);
      expect(reply.statusCode).toBe(429);
      expect(reply.headers['retry-after']).toBe('2');
      expect(reply.json()).toEqual({ ...limited, retry_after: 2 });
    }
    expect(await look(alice.token, '@me')).toMatchObject({ status: 'offline' });
  });
});
