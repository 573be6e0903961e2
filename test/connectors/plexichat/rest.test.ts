import { once } from 'node:events';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Outbound } from '../../../src/connectors/outbound.ts';
import { PlexichatBudgets } from '../../../src/connectors/plexichat/budgets.ts';
import { PlexichatFault } from '../../../src/connectors/plexichat/fault.ts';
import type { PlexichatRestOptions } from '../../../src/connectors/plexichat/rest.ts';
import { PlexichatRest } from '../../../src/connectors/plexichat/rest.ts';
import { ManualClock } from '../../helpers/clock.ts';
import type { PlexichatServerOptions } from '../../helpers/plexichat-server/options.ts';
import type { Credentials, PlexichatServer } from '../../helpers/plexichat-server/server.ts';
import { startPlexichatServer } from '../../helpers/plexichat-server/server.ts';
import { settled } from '../../helpers/settled.ts';

/** What ends with the test, newest last. */
let owned: (() => unknown)[];
let clock: ManualClock;
let server: PlexichatServer;
let rest: PlexichatRest;
let budgets: PlexichatBudgets;
let alice: Credentials;
let bob: Credentials;

interface Setup {
  readonly server?: Partial<PlexichatServerOptions>;
  readonly rest?: Partial<PlexichatRestOptions>;
  readonly perMinute?: number;
  readonly timeoutMs?: number;
}

async function start(setup: Setup = {}): Promise<void> {
  clock = new ManualClock();
  server = await startPlexichatServer({ clock, ...setup.server });
  alice = server.addUser({ username: 'alice' });
  bob = server.addUser({ username: 'bob' });
  connect(server.url, setup);
}

/** A client of whatever listens there. */
function connect(url: string, { rest: options = {}, perMinute = 60, timeoutMs = 5000 }: Setup = {}): void {
  const bypass = options.rateLimitBypass !== undefined;
  budgets = new PlexichatBudgets({ requestsPerMinute: perMinute, requestsPerDay: 9000, bypass, clock });
  const outbound = new Outbound({
    baseUrl: url,
    timeoutMs,
    maxBodyBytes: 1_000_000,
    connections: 4,
    userAgent: 'test',
  });
  rest = new PlexichatRest({ outbound, budgets, clock, baseUrl: url, ...options });
  owned.push(
    () => outbound[Symbol.asyncDispose](),
    () => budgets[Symbol.dispose](),
  );
}

beforeEach(async () => {
  owned = [];
  await start();
});

afterEach(async () => {
  for (const end of owned.reverse()) await end();
  await server[Symbol.asyncDispose]();
});

/** What the promise failed with. */
async function faultOf(promise: Promise<unknown>): Promise<PlexichatFault> {
  const error: unknown = await promise.then(
    () => null,
    (reason: unknown) => reason,
  );
  if (!(error instanceof PlexichatFault)) throw new Error(`no fault but ${String(error)}`);
  return error;
}

/** A server that answers everything alike. */
async function answering(status: number, body: string, headers: Record<string, string> = {}): Promise<void> {
  const http: Server = createServer((_request, response) => response.writeHead(status, headers).end(body));
  http.listen(0, '127.0.0.1');
  await once(http, 'listening');
  owned.push(() => {
    http.closeAllConnections();
    http.close();
  });
  connect(`http://127.0.0.1:${(http.address() as AddressInfo).port}`);
}

describe('identify', () => {
  it('tells whose presence a token moves; of a bot it is the owner', async () => {
    const bot = server.addBot(alice.id);
    expect([await rest.identify(alice.token), await rest.identify(bot.token)]).toEqual([alice.id, alice.id]);
    expect(server.requests.map(({ path }) => path)).toEqual(
      Array(2).fill('/api/v1/users/@me/messaging-settings'),
    );
  });

  it.each([404, 405])('asks for the profile where the settings answer %d', async (status) => {
    const http = createServer((request, response) => {
      const isProfile = request.url === '/api/v1/users/@me';
      response.writeHead(isProfile ? 200 : status).end(isProfile ? `{"id":${alice.id}}` : '{}');
    });
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    owned.push(() => http.close());
    connect(`http://127.0.0.1:${(http.address() as AddressInfo).port}`);
    expect(await rest.identify(alice.token)).toBe(alice.id);
  });

  it.each(['', 'a b', 'a\r\nx: y', 'Bearer x', 'é', 'x'.repeat(513)])(
    'does not send the token %j',
    async (token) => {
      expect((await faultOf(rest.identify(token))).kind).toBe('unauthorized');
      expect(server.requests).toEqual([]);
    },
  );
});

describe('presence', () => {
  it('is read as ms and as s', async () => {
    server.userWrites(bob.id, { status: 'dnd', custom_status: 'hi', custom_emoji: ':e:' });
    const seen = { userId: bob.id, mode: 'dnd', status: { text: 'hi', emoji: ':e:' }, seenAt: clock.now() };
    expect(await rest.presence(alice.token, bob.id)).toEqual(seen);
    await server[Symbol.asyncDispose]();
    await start({ server: { timestamps: 's' } });
    server.userWrites(bob.id, { status: 'dnd', custom_status: 'hi', custom_emoji: ':e:' });
    expect(await rest.presence(alice.token, bob.id)).toEqual({ ...seen, userId: bob.id });
  });

  it('of who hides is that of nobody, of oneself it is the truth', async () => {
    server.userWrites(bob.id, { status: 'invisible', custom_status: 'hidden' });
    const nobody = { mode: 'offline', status: { text: null, emoji: null }, seenAt: null };
    expect(await rest.presence(alice.token, bob.id)).toEqual({ userId: bob.id, ...nobody });
    expect(await rest.presence(alice.token, '5')).toEqual({ userId: '5', ...nobody });
    expect((await rest.presence(bob.token, bob.id)).mode).toBe('invisible');
  });

  it('of somebody else than was asked for is garbage', async () => {
    await answering(200, '{"user_id":"6","status":"online"}');
    expect((await rest.presence(alice.token, '6')).mode).toBe('online');
    expect((await faultOf(rest.presence(alice.token, '7'))).kind).toBe('garbage');
  });

  it('is written, and the answer read', async () => {
    const written = await rest.writePresence(alice.token, {
      status: 'idle',
      custom_status: 'x',
      custom_emoji: 'e',
    });
    expect(written).toMatchObject({ userId: alice.id, mode: 'idle', status: { text: 'x', emoji: 'e' } });
    await rest.writePresence(alice.token, { status: 'online' });
    expect(server.status(alice.id)).toMatchObject({ status: 'online', text: 'x' });
    await rest.writePresence(alice.token, { status: 'online', custom_status: '' });
    expect(await rest.presence(alice.token, alice.id)).toMatchObject({ status: { text: null, emoji: null } });
  });

  it.each([
    [{ custom_emoji: 'e' }, {}],
    [{ custom_status: '', custom_emoji: 'e' }, { custom_status: '' }],
    [{ custom_status: 'a\0b', custom_emoji: '\0' }, { custom_status: 'ab' }],
    [
      { custom_status: 'a', custom_emoji: 'e\0' },
      { custom_status: 'a', custom_emoji: 'e' },
    ],
    [{ custom_status: '\ud800' }, { custom_status: '\ufffd' }],
  ])('is never written so that the server fails half-way: %j', async (write, body) => {
    await rest.writePresence(alice.token, { status: 'dnd', ...write });
    expect(JSON.parse(server.requests[0]!.body)).toEqual({ status: 'dnd', ...body });
  });
});

describe('lists and profiles', () => {
  it('friends and members with what they show', async () => {
    const carol = server.addUser({ username: 'carol' });
    server.befriend(alice.id, bob.id);
    server.block(alice.id, carol.id);
    const guild = server.addGuild([alice.id, bob.id]);
    server.userWrites(bob.id, { status: 'idle' });
    const avatarUrl = (id: string) => `${server.url}/api/v1/avatars/users/${id}`;
    const seen = { userId: bob.id, username: 'bob', mode: 'idle', avatarUrl: avatarUrl(bob.id) };
    expect(await rest.relationships(alice.token)).toEqual([seen]);
    expect(await rest.members(alice.token, guild)).toEqual([
      { userId: alice.id, username: 'alice', mode: 'offline', avatarUrl: avatarUrl(alice.id) },
      seen,
    ]);
    expect((await faultOf(rest.members(alice.token, '../x'))).kind).toBe('forbidden');
  });

  it('a profile with an absolute avatar', async () => {
    const avatarUrl = `${server.url}/api/v1/avatars/users/${bob.id}`;
    expect(await rest.user(alice.token, bob.id)).toEqual({ userId: bob.id, username: 'bob', avatarUrl });
    expect(await faultOf(rest.user(alice.token, '123'))).toMatchObject({
      kind: 'refused',
      status: 404,
      said: 'User not found',
    });
  });

  it('the version, without a token', async () => {
    expect(await rest.version()).toBe('a.1.0-132');
    expect(server.requests[0]?.headers.authorization).toBeUndefined();
  });
});

describe('headers', () => {
  it('have the token, the access token and the bypass', async () => {
    await server[Symbol.asyncDispose]();
    const secrets = { accessToken: 'gate', rateLimitBypass: 'open' };
    await start({ server: { accessToken: 'gate' }, rest: secrets });
    await rest.identify(alice.token);
    expect(server.requests[0]?.headers).toMatchObject({
      authorization: `Bearer ${alice.token}`,
      'x-api-access-token': 'gate',
      'x-ratelimit-bypass': 'open',
    });
  });

  it.each([undefined, 'wrong'])(
    'with the access token %s the token of the user is not to blame',
    async (accessToken) => {
      await server[Symbol.asyncDispose]();
      await start({ server: { accessToken: 'gate' }, rest: { accessToken } });
      expect(await faultOf(rest.identify(alice.token))).toMatchObject({ kind: 'unavailable', status: 401 });
    },
  );
});

describe('when it goes wrong', () => {
  it('a redirect, and an answer without end', async () => {
    server.faultNext(1, 'redirect');
    expect(await faultOf(rest.identify(alice.token))).toMatchObject({
      kind: 'unavailable',
      cause: { fault: 'redirected' },
    });
    server.faultNext(1, 'huge');
    expect(await faultOf(rest.identify(alice.token))).toMatchObject({
      kind: 'unavailable',
      cause: { fault: 'too_large' },
    });
  });

  it('garbage: half an answer, or another one', async () => {
    server.faultNext(1, 'garbage');
    expect((await faultOf(rest.identify(alice.token))).kind).toBe('garbage');
    for (const body of ['', '<html>', 'null', '[]', '{"user_id":null}']) {
      await answering(200, body);
      expect((await faultOf(rest.identify(alice.token))).kind).toBe('garbage');
    }
  });

  it('a wrong token', async () => {
    for (const token of ['garbage', '5.secret', `bot.5.x`]) {
      expect(await faultOf(rest.identify(token))).toMatchObject({ kind: 'unauthorized', status: 401 });
    }
    server.revoke(alice.token);
    expect(await faultOf(rest.identify(alice.token))).toMatchObject({
      kind: 'unauthorized',
      said: 'Invalid/Revoked',
    });
  });

  it('a suspended account', async () => {
    server.setAccountState(alice.id, 'suspended');
    const said = 'Your account has been suspended by an administrator.';
    expect(await faultOf(rest.identify(alice.token))).toMatchObject({ kind: 'forbidden', status: 403, said });
  });

  it('a wrong request', async () => {
    const write = { status: 'online' as const, custom_status: 'x'.repeat(129) };
    expect(await faultOf(rest.writePresence(alice.token, write))).toMatchObject({
      kind: 'refused',
      status: 400,
      said: 'Invalid custom_status: String should have at most 128 characters',
    });
    await answering(405, '{"error":{"code":405,"message":"Method Not Allowed"}}');
    expect(await faultOf(rest.version())).toMatchObject({ kind: 'refused', status: 405 });
  });

  it('a clock that is wrong changes no answer', async () => {
    server.userWrites(bob.id, { status: 'idle' });
    const serverNow = clock.now();
    for (const skew of [-86_400_000, 86_400_000]) {
      clock = new ManualClock(serverNow + skew);
      connect(server.url);
      expect((await rest.presence(alice.token, bob.id)).seenAt).toBe(serverNow);
    }
  });
});

describe('limits', () => {
  it('429 says when to come again, and nothing is sent until then', async () => {
    server.faultNext(1, 'rate-limited', { retryAfter: 30.5 });
    expect(await faultOf(rest.identify(alice.token))).toMatchObject({
      kind: 'rate_limited',
      retryAfterMs: 31_000,
      status: 429,
    });
    expect(await faultOf(rest.identify(alice.token))).toMatchObject({
      kind: 'rate_limited',
      retryAfterMs: 31_000,
      status: null,
    });
    const waiting = rest.presence(alice.token, bob.id);
    clock.advance(30_999);
    await settled();
    expect(server.requests.length).toBe(1);
    clock.advance(1);
    expect((await waiting).userId).toBe(bob.id);
  });

  it.each([
    ['the body', '{"retry_after":7.2}', {}, 7200],
    ['the header', 'nonsense', { 'retry-after': '9' }, 9000],
    ['neither', '{}', {}, 60_000],
  ])('429 with %s', async (_name, body, headers, retryAfterMs) => {
    await answering(429, body, headers);
    expect(await faultOf(rest.version())).toMatchObject({ kind: 'rate_limited', retryAfterMs });
  });

  it('the misleading 401 is no word about the token', async () => {
    server.faultNext(1, 'verification-limit');
    expect(await faultOf(rest.identify(alice.token))).toMatchObject({
      kind: 'rate_limited',
      retryAfterMs: 60_000,
      status: 401,
    });
    clock.advance(60_000);
    expect(await rest.identify(alice.token)).toBe(alice.id);
  });

  it('a real server never refuses what it is asked at full speed for minutes', async () => {
    connect(server.url, { perMinute: 110 });
    let sent = 0;
    const turn = budgets.turn.bind(budgets);
    budgets.turn = async (...args) => {
      await turn(...args);
      sent++;
    };
    const writes = Array.from({ length: 300 }, (_, n) =>
      rest.writePresence((n % 2 ? alice : bob).token, { status: 'idle' }),
    );
    const all = Promise.all(writes);
    const minutes: number[] = [];
    for (let second = 0; sent < 300 && second < 600; second++) {
      await settled();
      await server.until(() => server.requests.length >= sent);
      if (second % 60 === 59) minutes.push(sent);
      clock.advance(1000);
    }
    expect((await all).length).toBe(300);
    expect(minutes).toEqual([67, 134, 201, 268]);
  });

  it('interactive calls have what background work may not use', async () => {
    connect(server.url, { perMinute: 20 });
    const background = Array.from({ length: 18 }, () => rest.presence(alice.token, bob.id));
    await Promise.all(background.slice(0, 15));
    const checks = Array.from({ length: 5 }, () => rest.identify(alice.token));
    expect(await Promise.all(checks)).toEqual(Array(5).fill(alice.id));
    expect(await faultOf(rest.identify(alice.token))).toMatchObject({
      kind: 'rate_limited',
      retryAfterMs: 60_000,
    });
    clock.advance(60_000);
    expect(await rest.identify(alice.token)).toBe(alice.id);
    await settled();
    clock.advance(1000);
    expect((await Promise.all(background)).length).toBe(18);
  });

  it('with a bypass only verifications are counted', async () => {
    connect(server.url, { perMinute: 5, rest: { rateLimitBypass: 'open' } });
    for (let n = 0; n < 90; n++) await budgets.turn('interactive');
    expect(await faultOf(rest.identify(alice.token))).toMatchObject({ kind: 'rate_limited' });
  });

  it('a wait ends with its signal', async () => {
    server.faultNext(1, 'rate-limited');
    await faultOf(rest.identify(alice.token));
    const gone = new AbortController();
    const waiting = rest.presence(alice.token, bob.id, { signal: gone.signal });
    gone.abort(new Error('gone'));
    await expect(waiting).rejects.toThrow('gone');
  });
});
