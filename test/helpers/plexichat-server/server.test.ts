import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock, START } from '../clock.ts';
import { HttpLimiter } from './http-limiter.ts';
import type { PlexichatServerOptions } from './options.ts';
import { settingsOf } from './options.ts';
import type { Credentials, PlexichatServer } from './server.ts';
import { startPlexichatServer } from './server.ts';
import { call } from './test-client.ts';

let clock: ManualClock;
let server: PlexichatServer;
let alice: Credentials;
let bob: Credentials;

async function start(options: Partial<PlexichatServerOptions> = {}): Promise<void> {
  clock = new ManualClock();
  server = await startPlexichatServer({ clock, ...options });
  alice = server.addUser({ username: 'alice' });
  bob = server.addUser({ username: 'bob' });
}

async function restart(options: Partial<PlexichatServerOptions>): Promise<void> {
  await server[Symbol.asyncDispose]();
  await start(options);
}

beforeEach(() => start());
afterEach(() => server[Symbol.asyncDispose]());

function put(body: unknown, token: string | null = alice.token) {
  return call(server.url, 'PUT', '/users/@me/presence', token, body);
}

function get(path: string, token: string | null = bob.token, headers: Record<string, string> = {}) {
  return call(server.url, 'GET', path, token, undefined, headers);
}

function presenceOf(id: string, token = bob.token) {
  return get(`/users/${id}/presence`, token);
}

/** 50 requests per second are all that the global bucket gives. */
async function spaced<T>(count: number, act: (index: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  for (let index = 0; index < count; index++) {
    results.push(await act(index));
    clock.advance(20);
  }
  return results;
}

describe('PUT and GET', () => {
  it('answers five keys, in ms, and keeps the text over a change of status', async () => {
    const body = { status: 'dnd', custom_status: ' hi ', custom_emoji: ':x:' };
    expect((await put(body)).body).toEqual({ user_id: alice.id, ...body, last_seen: START });
    clock.advance(7);
    await put({ status: 'idle' });
    const expected = { user_id: alice.id, ...body, status: 'idle', last_seen: START + 7 };
    expect((await presenceOf(alice.id)).body).toEqual(expected);
    expect(server.status(alice.id)).toMatchObject({ status: 'idle', text: ' hi ', emoji: ':x:' });
  });

  it('may speak in seconds, as its documentation does', async () => {
    await restart({ timestamps: 's' });
    expect((await put({ status: 'online' })).body.last_seen).toBe(START / 1000);
  });

  it.each([
    [{ custom_status: '' }, [null, null]],
    [{ custom_emoji: '' }, [null, null]],
    [{ custom_status: null }, ['t', 'e']],
    [{ custom_status: 'new' }, ['new', null]],
    [{ custom_status: 'new', custom_emoji: '' }, ['new', '']],
    [{ custom_status: '', custom_emoji: 'e' }, [null, null]],
    [{ custom_status: 'new', custom_emoji: '🔥'.repeat(70) }, ['new', '🔥'.repeat(64)]],
  ])('stores %j as %j', async (fields, [text, emoji]) => {
    await put({ status: 'online', custom_status: 't', custom_emoji: 'e' });
    const { body } = await put({ status: 'online', ...fields });
    expect([body.custom_status, body.custom_emoji]).toEqual([text, emoji]);
  });

  it('fails on an emoji alone and keeps the status', async () => {
    const reply = await put({ status: 'dnd', custom_emoji: ':x:' });
    expect(reply.status).toBe(500);
    expect(reply.body.error.message).toMatch(/^Failed to update presence: NOT NULL/);
    expect(server.status(alice.id)).toMatchObject({ status: 'dnd', emoji: null });
    await restart({ debug: false });
    const hidden = await put({ status: 'dnd', custom_emoji: ':x:' });
    expect(hidden.body).toEqual({ error: { code: 500, message: 'Internal server error' } });
    await restart({ defects: { emojiAloneFails: false } });
    expect((await put({ status: 'dnd', custom_emoji: ':x:' })).status).toBe(200);
  });

  it.each([
    ['{"status":"away"}', 'Invalid status. Must be one of: online, idle, dnd, invisible, offline'],
    ['{}', 'Invalid status: Field required'],
    ['{"status":null}', 'Invalid status: Input should be a valid string'],
    ['{"status":"x","custom_status":5}', 'Invalid custom_status: Input should be a valid string'],
    ['{"status":"online","custom_emoji":5}', 'Invalid custom_emoji: Input should be a valid string'],
    [
      JSON.stringify({ status: 'online', custom_status: '🔥'.repeat(129) }),
      'Invalid custom_status: String should have at most 128 characters',
    ],
    [
      String.raw`{"status":"online","custom_status":"\ud83d"}`,
      'Invalid custom_status: Input should be a valid string, unable to parse raw data as a unicode string',
    ],
    ['null', 'Invalid body: Field required'],
    ['', 'Invalid body: Field required'],
    ['["online"]', 'Invalid request'],
    ['{"status":', 'Invalid 10: JSON decode error'],
  ])('refuses %s', async (body, message) => {
    expect(await put(body)).toMatchObject({ status: 400, body: { error: { code: 400, message } } });
    expect(server.status(alice.id).lastSeen).toBe(0);
  });

  it('wants JSON', async () => {
    const body = '{"status":"online"}';
    const type = { 'content-type': 'text/plain' };
    const reply = await call(server.url, 'PUT', '/users/@me/presence', alice.token, body, type);
    expect(reply.body).toEqual({ error: { code: 400, message: 'Invalid request' } });
    type['content-type'] = 'application/vnd.x+json; charset=utf-8';
    expect((await call(server.url, 'PUT', '/users/@me/presence', alice.token, body, type)).status).toBe(200);
  });

  it('reads 128 code points and refuses a body above 10 MiB without limits in the headers', async () => {
    expect((await put({ status: 'online', custom_status: '🔥'.repeat(128) })).status).toBe(200);
    const reply = await put(JSON.stringify({ status: 'online', pad: 'x'.repeat(10 * 1024 * 1024) }));
    expect(reply).toMatchObject({ status: 413, body: { error: { message: 'Request body too large' } } });
    expect(reply.headers.get('x-ratelimit-limit')).toBeNull();
  });

  it.each([
    ['%20007%20', '7'],
    ['+1_0', '10'],
    ['-5', '-5'],
    ['%D9%A1%D9%A2', '12'],
  ])('reads the id %s as %s, and knows no 404', async (id, read) => {
    const hidden = { status: 'offline', custom_status: null, custom_emoji: null, last_seen: 0 };
    expect(await presenceOf(id)).toMatchObject({ status: 200, body: { user_id: read, ...hidden } });
  });

  it('refuses other ids, @me included, and fails on huge ones', async () => {
    for (const id of ['@me', 'x', '1.5', '1__0', '9'.repeat(4301)]) {
      expect(await presenceOf(id)).toMatchObject({
        status: 400,
        body: { error: { message: 'Invalid user ID' } },
      });
    }
    expect((await presenceOf('9223372036854775807')).status).toBe(200);
    expect((await presenceOf('9223372036854775808')).status).toBe(500);
  });

  it.each([
    ['POST', '/users/@me/presence'],
    ['PATCH', '/users/@me/presence'],
    ['GET', '/users/@me/presence/'],
    ['PUT', '/users/5/presence'],
    ['GET', '/presence'],
    ['HEAD', '/users/5/presence'],
  ])('answers 405 to %s %s', async (method, path) => {
    const reply = await call(server.url, method, path, alice.token);
    expect(reply.status).toBe(405);
    expect(reply.headers.get('allow')).toBeNull();
    if (method !== 'HEAD') {
      expect(reply.body).toEqual({ error: { code: 405, message: 'Method Not Allowed' } });
    }
  });
});

describe('who sees what', () => {
  const secret = { custom_status: 'secret', custom_emoji: ':x:' };
  const nothing = { status: 'offline', custom_status: null, custom_emoji: null, last_seen: 0 };

  it('shows everybody everything, also of the offline; hides the invisible from others only', async () => {
    await put({ status: 'offline', ...secret });
    expect((await presenceOf(alice.id)).body).toMatchObject({ ...secret, last_seen: START });
    await put({ status: 'invisible' });
    expect((await presenceOf(alice.id)).body).toEqual({ user_id: alice.id, ...nothing });
    expect((await presenceOf(alice.id, alice.token)).body).toMatchObject({ status: 'invisible', ...secret });
  });

  it('a49 shows text and last_seen of the invisible', async () => {
    await restart({ dialect: 'a49' });
    await put({ status: 'invisible', ...secret });
    const leaked = { status: 'offline', ...secret, last_seen: START };
    expect((await presenceOf(alice.id)).body).toMatchObject(leaked);
  });

  it('a block hides both ways', async () => {
    server.userWrites(alice.id, { status: 'online', ...secret });
    server.userWrites(bob.id, { status: 'online', ...secret });
    server.block(alice.id, bob.id);
    expect((await presenceOf(alice.id)).body).toEqual({ user_id: alice.id, ...nothing });
    expect((await presenceOf(bob.id, alice.token)).body).toEqual({ user_id: bob.id, ...nothing });
    server.unblock(alice.id, bob.id);
    expect((await presenceOf(alice.id)).body.status).toBe('online');
  });

  it('lists are old by up to 60 s and 30 s', async () => {
    server.befriend(alice.id, bob.id);
    const guild = server.addGuild([alice.id, bob.id]);
    const friends = async () => (await get('/relationships/@me')).body[0]?.presence.status;
    const member = async () => (await get(`/servers/${guild}/members`)).body[0].presence.status;
    expect([await friends(), await member()]).toEqual(['offline', 'offline']);
    await put({ status: 'dnd' });
    clock.advance(29_999);
    expect([await friends(), await member()]).toEqual(['offline', 'offline']);
    clock.advance(1);
    expect([await friends(), await member()]).toEqual(['offline', 'dnd']);
    server.unfriend(alice.id, bob.id);
    clock.advance(29_999);
    expect(await friends()).toBe('offline');
    clock.advance(1);
    expect(await friends()).toBeUndefined();
  });

  it('the cache server shows the text before', async () => {
    await restart({ cacheServer: true });
    const text = async () => (await presenceOf(alice.id)).body.custom_status;
    expect((await put({ status: 'online', custom_status: 'first' })).body.custom_status).toBeNull();
    expect((await put({ status: 'online', custom_status: 'second' })).body.custom_status).toBe('first');
    expect(await text()).toBe('first');
    clock.advance(299_999);
    expect(await text()).toBe('first');
    clock.advance(1);
    expect(await text()).toBe('second');
    await put({ status: 'online', custom_status: 'third' });
    expect((await put({ status: 'idle' })).body.custom_status).toBe('third');
  });
});

describe('tokens', () => {
  const refused = (message: string) => ({ status: 401, body: { error: { code: 401, message } } });
  const authorized = (authorization: string) =>
    call(server.url, 'GET', '/users/5/presence', null, undefined, { authorization });

  it('looks like the real ones', () => {
    expect(alice.id).toMatch(/^\d{18}$/);
    expect(alice.token).toMatch(/^\d{18}\.[\w-]{43}$/);
    expect(server.addBot(alice.id).token).toMatch(/^bot\.\d{18}\.[\w-]{64}$/);
  });

  it('wants one header of one form', async () => {
    for (const header of ['', `bearer ${alice.token}`, `Bearer  ${alice.token}`, alice.token, 'Basic YTpi']) {
      expect(await authorized(header)).toMatchObject(refused('Authentication required'));
    }
    expect((await authorized(`Bot ${alice.token}`)).status).toBe(200);
    const two = `Bearer ${alice.token}, Bearer ${alice.token}`;
    expect(await authorized(two)).toMatchObject(refused('Multiple Authorization headers'));
  });

  it.each([
    ['garbage', 'Invalid token'],
    ['123.abc', 'Invalid/Revoked'],
    ['bot.123.abc', 'Invalid Bot'],
    ['email.123.abc', 'Unknown type'],
  ])('refuses %s', async (token, message) => {
    expect(await authorized(`Bearer ${token}`)).toMatchObject(refused(message));
  });

  it('refuses revoked and expired ones, and slides the expiry of those in use', async () => {
    const other = server.logIn(alice.id);
    server.revoke(other);
    expect(await presenceOf('5', other)).toMatchObject(refused('Invalid/Revoked'));
    clock.advance(145 * 3_600_000);
    expect((await presenceOf('5', alice.token)).status).toBe(200);
    clock.advance(23 * 3_600_000);
    expect((await presenceOf('5', alice.token)).status).toBe(200);
    expect(await presenceOf('5', bob.token)).toMatchObject(refused('Expired'));
  });

  it('knows the states of an account', async () => {
    server.setAccountState(bob.id, 'suspended');
    expect(await presenceOf('5')).toMatchObject({
      status: 403,
      body: { error: { message: 'Account suspended', reason: expect.any(String) } },
    });
    server.setAccountState(bob.id, 'rename-required');
    expect(await presenceOf('5')).toMatchObject({
      status: 403,
      body: { error: { message: 'Username change required' } },
    });
    expect((await get('/users/@me')).status).toBe(200);
    server.setAccountState(bob.id, 'frozen');
    expect(await presenceOf('5')).toMatchObject(refused('Account is scheduled for deletion'));
  });

  it('a bot acts as its owner, and may answer for her', async () => {
    const bot = server.addBot(alice.id, 'presbot_bot');
    expect((await put({ status: 'dnd' }, bot.token)).body.user_id).toBe(alice.id);
    expect((await presenceOf(bot.id)).body.last_seen).toBe(0);
    expect((await get('/users/@me/messaging-settings', bot.token)).body.user_id).toBe(alice.id);
    expect((await get('/users/@me', bot.token)).body).toMatchObject({ id: bot.id, email: null });
    expect((await get('/users/@me', alice.token)).body.id).toBe(bot.id);
    clock.advance(60_000);
    expect((await get('/users/@me', alice.token)).body.id).toBe(alice.id);
    expect((await get('/users/@me', bot.token)).body.id).toBe(alice.id);
  });

  it('shows profiles up to 60 s old', async () => {
    const profile = await get(`/users/${alice.id}`);
    expect(profile.body).toEqual({
      id: alice.id,
      username: 'alice',
      avatar_url: `/api/v1/avatars/users/${alice.id}`,
      created_at: START,
      badges: ['alpha_tester'],
    });
    server.rename(alice.id, 'alicia');
    clock.advance(59_999);
    expect((await get(`/users/${alice.id}`)).body.username).toBe('alice');
    clock.advance(1);
    expect((await get(`/users/${alice.id}`)).body.username).toBe('alicia');
    expect(await get('/users/5')).toMatchObject({
      status: 404,
      body: { error: { message: 'User not found' } },
    });
  });

  it('may want an access token, but not on public paths', async () => {
    await restart({ accessToken: 'gate' });
    expect(await presenceOf('5')).toMatchObject(refused('API access token required'));
    const wrong = await get('/users/5/presence', null, { 'x-api-access-token': 'x' });
    expect(wrong).toMatchObject(refused('Invalid API access token'));
    const right = await get('/users/5/presence', bob.token, { 'x-api-access-token': 'gate' });
    expect(right.status).toBe(200);
    expect((await get('/capabilities', null)).body.access_token_required).toBe(true);
    expect((await get('/version', null)).body.version.string).toBe('a.1.0-132');
    const avatar = await get(`/avatars/users/${alice.id}`, null);
    expect(avatar.headers.get('content-type')).toBe('image/png');
  });
});

describe('limits', () => {
  const statuses = (replies: readonly { status: number }[]) => replies.map(({ status }) => status);
  const paths = (index: number) => `/users/${index % 10}/presence`;

  it('calls the 101st token of a minute unauthorized', async () => {
    const replies = await spaced(101, (index) => get(paths(index)));
    expect(statuses(replies.slice(0, 100))).toEqual(Array(100).fill(200));
    expect(replies[100]).toMatchObject({
      status: 401,
      body: { error: { code: 401, message: 'Token verification rate limit exceeded' } },
    });
    clock.advance(60_000);
    expect((await get(paths(0))).status).toBe(200);
  });

  it('answers 429 to the 121st request of a minute, before anything else', async () => {
    const replies = await spaced(121, (index) => call(server.url, 'GET', `/x${index % 10}`, null));
    expect(statuses(replies.slice(0, 120))).toEqual(Array(120).fill(405));
    const { status, headers, body } = replies[120]!;
    expect(status).toBe(429);
    const wait = 60 - 120 * 0.02;
    expect(body).toEqual({
      message: 'You are being rate limited.',
      retry_after: expect.closeTo(wait, 6),
      global: false,
      scope: 'ip',
    });
    expect(Object.fromEntries(headers)).toMatchObject({
      'retry-after': '58',
      'x-ratelimit-limit': '120',
      'x-ratelimit-remaining': '0',
      'x-ratelimit-reset': ((START + 60_000) / 1000).toFixed(3),
      'x-ratelimit-reset-after': wait.toFixed(3),
      'x-ratelimit-bucket': expect.stringMatching(/^[\da-f]{16}$/),
      'x-ratelimit-scope': 'ip',
    });
    clock.advance(60_000 - 121 * 20);
    expect((await get('/version', null)).status).toBe(200);
  });

  it('a49 stops at 80', async () => {
    await restart({ dialect: 'a49' });
    const replies = await spaced(81, (index) => call(server.url, 'GET', `/x${index % 10}`, null));
    expect(statuses(replies).indexOf(429)).toBe(80);
  });

  it('gives a path 70 in 30 s, and /users/@me 40 in 60 s', async () => {
    const replies = await spaced(71, () => get('/version', null));
    expect(replies[0]!.headers.get('x-ratelimit-remaining')).toBe('69');
    expect(statuses(replies).indexOf(429)).toBe(70);
    expect(replies[70]!.body.scope).toBe('route');
    expect((await get('/capabilities', null)).status).toBe(200);
    const me = await spaced(41, () => get('/users/@me'));
    expect(statuses(me).indexOf(429)).toBe(40);
  });

  it('gives an address 60 at once, then 50 a second', async () => {
    const replies = await Promise.all(Array.from({ length: 61 }, (_, index) => get(`/x${index}`, null)));
    const refused = replies.filter(({ status }) => status === 429);
    expect(refused).toHaveLength(1);
    expect(refused[0]!.body).toMatchObject({ scope: 'global', global: true });
    expect(refused[0]!.headers.get('x-ratelimit-global')).toBe('true');
    clock.advance(20);
    expect((await get('/x', null)).status).toBe(405);
  });

  it('gives an address 1800 an hour and 10000 a day', () => {
    const limiter = new HttpLimiter(settingsOf({ clock }));
    /** How many of two a second for `minutes` get through, and what the last one was told. */
    const minutes = (count: number) => {
      let admitted = 0;
      let limit = '';
      for (let index = 0; index < count * 100; index++) {
        const admission = limiter.admit('', 'GET', `/x${index % 10}`);
        if (!admission.refusal) admitted += 1;
        limit = admission.headers['x-ratelimit-limit']!;
        clock.advance(600);
      }
      return { admitted, limit };
    };
    expect(minutes(20)).toEqual({ admitted: 1_800, limit: '1800' });
    clock.advance(40 * 60_000);
    for (let hour = 0; hour < 4; hour++) {
      expect(minutes(20).admitted).toBe(1_800);
      clock.advance(40 * 60_000);
    }
    expect(minutes(20)).toEqual({ admitted: 1_000, limit: '10000' });
  });

  it('the bypass skips the limiter, not the cap on verifications', async () => {
    await restart({ bypassSecret: 'mine' });
    const bypass = { 'x-ratelimit-bypass': 'mine' };
    const open = await Promise.all(Array.from({ length: 130 }, () => get('/version', null, bypass)));
    expect(new Set(statuses(open))).toEqual(new Set([200]));
    const capped = await spaced(101, () => get('/users/5/presence', bob.token, bypass));
    expect(statuses(capped).indexOf(401)).toBe(100);
    const wrong = await spaced(121, () => get('/version', null, { 'x-ratelimit-bypass': 'x' }));
    expect(statuses(wrong)).toContain(429);
  });

  it('checks JSON before the token, and the token before the model', async () => {
    expect((await put('{"status":', null)).status).toBe(400);
    expect((await put('{"status":5}', null)).status).toBe(401);
  });
});
