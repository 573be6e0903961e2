import { describe, expect, it } from 'vitest';
import { plexichatExamples } from '../../../src/surfaces/plexichat/examples.ts';
import { duration } from '../../../src/config/duration.ts';
import { plexichatSection } from '../../../src/surfaces/plexichat/config.ts';
import { START } from '../../helpers/clock.ts';
import { ALICE, makeApp, ORIGIN } from './plexichat-app.ts';

describe('what clients ask besides presence', () => {
  it('who they are', async () => {
    const { call, user } = await makeApp();
    const ann = await user('382824977147236352', { displayName: 'Ann', avatarUrl: '/ann.png' });
    const reply = await call('GET', '/users/@me', ann);
    expect(reply.json()).toEqual({
      id: '382824977147236352',
      username: 'Ann',
      email: null,
      avatar_url: '/ann.png',
      created_at: 1_795_339_787,
    });
  });

  it('who they are, from elsewhere, in milliseconds', async () => {
    const { call, stranger } = await makeApp({ dialectSetting: 'server' });
    const sue = await stranger('sue');
    const reply = await call('GET', '/users/@me', sue);
    expect(reply.json()).toMatchObject({ id: sue.id, username: sue.id, created_at: START });
  });

  it('which version, without a token', async () => {
    const { call } = await makeApp();
    const version = { stage: 'a', major: 1, minor: 0, build: 49, string: 'a.1.0-49' };
    expect((await call('GET', '/version')).json()).toEqual({
      version,
      min_supported_version: version,
      api_version: 'v1',
    });
  });

  it('what the server can do, and whether it is well', async () => {
    const { app, call } = await makeApp();
    expect((await call('GET', '/capabilities')).json()).toEqual({ access_token_required: false });
    const healthy = { status: 'healthy', version: '1.2.3' };
    expect((await call('GET', '/health')).json()).toEqual(healthy);
    expect((await app.inject('/health')).json()).toEqual(healthy);
    const wrong = await app.inject({ method: 'POST', url: '/health' });
    expect(wrong.json()).toEqual({ error: { code: 405, message: 'Method Not Allowed' } });
  });
});

describe('web pages', () => {
  const preflight = {
    'access-control-request-method': 'PUT',
    'access-control-request-headers': 'authorization',
  };

  it('of a configured origin may ask and read', async () => {
    const { call, alice } = await makeApp();
    const asked = await call('OPTIONS', '/users/@me/presence', { headers: { origin: ORIGIN, ...preflight } });
    expect(asked.statusCode).toBe(204);
    expect(asked.headers).toMatchObject({
      'access-control-allow-origin': ORIGIN,
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': expect.stringContaining('PUT'),
      'access-control-allow-headers': expect.stringContaining('Authorization'),
    });
    for (const token of [alice.token, '1.unknown']) {
      const { headers } = await call('GET', '/users/@me/presence', { token, headers: { origin: ORIGIN } });
      expect(headers).toMatchObject({
        'access-control-allow-origin': ORIGIN,
        'access-control-expose-headers': expect.stringMatching(/x-ratelimit-remaining.*retry-after/),
        vary: 'Origin',
      });
    }
  });

  it('of another origin may not', async () => {
    const { call, alice } = await makeApp();
    const origin = 'https://evil.example';
    const asked = await call('OPTIONS', '/users/@me/presence', { headers: { origin, ...preflight } });
    const got = await call('GET', '/users/@me/presence', { token: alice.token, headers: { origin } });
    expect(asked.headers).not.toHaveProperty('access-control-allow-origin');
    expect(got.headers).not.toHaveProperty('access-control-allow-origin');
  });
});

describe('settings', () => {
  const section = plexichatSection(duration);

  it('have defaults and descriptions', () => {
    const { gateway, ...rest } = section.parse({});
    expect(rest).toEqual({ dialect: 'documented', cors_origins: [] });
    expect(gateway).toEqual({
      max_intents: 1_900_543,
      initial_presences: true,
      resume_window: 60_000,
      replay_limit: 2000,
      outbox_limit: 1_048_576,
      connections_per_person: 20,
    });
    const fields = { ...section.shape, ...section.shape.gateway.unwrap().shape };
    for (const field of Object.values(fields)) expect(field.description).toMatch(/./);
  });

  it.each([['http://localhost:3000'], [ORIGIN]])('%s is an origin', (origin) => {
    expect(section.parse({ cors_origins: [origin] }).cors_origins).toEqual([origin]);
  });

  it.each([
    '*',
    'app.example.com',
    `${ORIGIN}/`,
    'https://EXAMPLE.com',
    'ftp://example.com',
    'https://',
    'null',
  ])('%s is none', (origin) => {
    expect(section.safeParse({ cors_origins: [origin] }).success).toBe(false);
  });
});

describe('the lines to try', () => {
  it('work as they stand', async () => {
    const { app, alice } = await makeApp();
    const replies = [];
    for (const line of plexichatExamples('http://localhost:8790', ALICE, alice.token)) {
      const url = /"(http:[^"]*)"/.exec(line)![1]!;
      const headers = Object.fromEntries(
        Array.from(line.matchAll(/-H "([^:]*): ([^"]*)"/g), ([, name, value]) => [name!, value!]),
      );
      const payload = /-d '([^']*)'/.exec(line)?.[1];
      const method = line.includes('-X PUT') ? 'PUT' : 'GET';
      replies.push(await app.inject({ method, url, headers, ...(payload !== undefined && { payload }) }));
    }
    const expected = { user_id: ALICE, status: 'dnd', custom_status: 'In a meeting' };
    expect(replies.map((reply): unknown => reply.json())).toMatchObject([expected, expected]);
  });
});
