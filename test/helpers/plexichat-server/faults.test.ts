import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../clock.ts';
import { settled } from '../settled.ts';
import type { Credentials, PlexichatServer } from './server.ts';
import { startPlexichatServer } from './server.ts';
import { call, hello, identified, TestClient } from './test-client.ts';

let clock: ManualClock;
let server: PlexichatServer;
let alice: Credentials;
let bob: Credentials;

beforeEach(async () => {
  clock = new ManualClock();
  server = await startPlexichatServer({ clock });
  alice = server.addUser();
  bob = server.addUser();
  server.befriend(alice.id, bob.id);
});
afterEach(() => server[Symbol.asyncDispose]());

function probe(path = '/version') {
  return call(server.url, 'GET', path, alice.token);
}

describe('faults of REST', () => {
  it('hit the next requests, of the given paths, and no more', async () => {
    const fault = server.faultNext(2, 'server-error', { path: /version/ });
    expect((await probe('/capabilities')).status).toBe(200);
    expect((await probe()).body).toEqual({ error: { code: 500, message: 'Internal server error' } });
    expect((await probe()).status).toBe(500);
    expect((await probe()).status).toBe(200);
    expect(fault.hits).toBe(2);
    expect(server.requests.map(({ path, owner }) => [path, owner])).toEqual([
      ['/api/v1/capabilities', alice.id],
      ...Array(3).fill(['/api/v1/version', alice.id]),
    ]);
  });

  it('refuse resets the connection', async () => {
    server.faultNext(1, 'refuse');
    await expect(probe()).rejects.toMatchObject({ cause: { code: 'ECONNRESET' } });
  });

  it('slow holds the answer until it is released', async () => {
    const fault = server.faultNext(1, 'slow');
    let answered = false;
    const reply = probe().then((answer) => ((answered = true), answer));
    await server.until(() => server.requests.length === 1);
    clock.advance(3_600_000);
    await settled();
    expect(answered).toBe(false);
    fault.release();
    expect((await reply).status).toBe(200);
  });

  it('429, the misleading 401 and garbage', async () => {
    server.faultNext(1, 'rate-limited', { retryAfter: 1.5 });
    const limited = await probe();
    expect(limited).toMatchObject({ status: 429, body: { retry_after: 1.5, scope: 'ip' } });
    expect(limited.headers.get('retry-after')).toBe('2');
    expect(limited.headers.get('x-ratelimit-remaining')).toBe('0');
    server.faultNext(1, 'verification-limit');
    expect(await probe()).toMatchObject({
      status: 401,
      body: { error: { message: 'Token verification rate limit exceeded' } },
    });
    server.faultNext(1, 'garbage');
    await expect(probe()).rejects.toThrow(SyntaxError);
  });

  it('redirect leads to another host', async () => {
    const location = 'http://127.0.0.2:9/elsewhere';
    server.faultNext(1, 'redirect', { location });
    const reply = await probe();
    expect([reply.status, reply.headers.get('location')]).toEqual([307, location]);
  });

  it('huge sends on until the client hangs up', async () => {
    server.faultNext(1, 'huge', { bytes: 4 * 1024 * 1024 });
    expect((await probe()).body.user_id).toHaveLength(4 * 1024 * 1024);
    server.faultNext(1, 'huge');
    const reply = await fetch(`${server.url}/api/v1/version`);
    await reply.body!.cancel();
    expect((await probe()).status).toBe(200);
  });
});

describe('faults of the gateway', () => {
  it('drops events without a gap', async () => {
    using watcher = await identified(server.url, bob.token);
    server.gatewayFaults.dropEvents(2);
    for (const status of ['dnd', 'idle', 'online']) server.userWrites(alice.id, { status });
    await watcher.caughtUp();
    expect(watcher.events('PRESENCE_UPDATE').map(({ s, d }) => [s, d.status])).toEqual([[2, 'online']]);
  });

  it('stops acking, ignores IDENTIFY, invalidates sessions, sends garbage', async () => {
    using client = await hello(server.url);
    server.gatewayFaults.stopAcking();
    server.gatewayFaults.ignoreIdentifies(1);
    client.say({ op: 1 });
    client.say({ op: 2, d: { token: alice.token } });
    await server.until(() => server.identifies.length === 1);
    server.gatewayFaults.ackAgain();
    await client.caughtUp();
    expect(client.frames.map(({ op }) => op)).toEqual([10, 11]);
    server.gatewayFaults.invalidateSessions(1);
    client.say({ op: 2, d: { token: alice.token } });
    await client.until(() => client.count(9) === 1);
    client.say({ op: 2, d: { token: alice.token } });
    await client.until(() => client.events('READY').length === 1);
    expect(server.identifies.map(({ outcome }) => outcome)).toEqual(['ignored', 'op 9', 'ready']);
    const frames: string[] = [];
    client.ws.removeAllListeners('message');
    client.ws.on('message', (data: Buffer) => frames.push(data.toString()));
    server.sendRaw('{"op":');
    client.ws.close();
    await client.ended();
    expect(frames).toEqual(['{"op":']);
  });

  it('dispatches any event', async () => {
    using client = await identified(server.url, alice.token);
    server.dispatch(alice.id, 'GUILD_NEWS', '{"id":382824975331102720}');
    server.dispatch(alice.id, 'GUILD_NEWS', '{"unwanted":true}', 1);
    await client.caughtUp();
    expect(client.events('GUILD_NEWS').map(({ text }) => text)).toEqual([
      '{"op":0,"t":"GUILD_NEWS","s":2,"d":{"id":382824975331102720}}',
    ]);
  });
});

describe('the network', () => {
  it('stops listening and listens again on the same port; sockets of the gateway stay', async () => {
    using client = await identified(server.url, alice.token);
    const { url } = server;
    await probe();
    server.sockets.stopListening();
    await expect(probe()).rejects.toThrow();
    await client.caughtUp();
    await server.sockets.listenAgain();
    expect(server.url).toBe(url);
    expect((await probe()).status).toBe(200);
  });

  it('restarts with 1012: offline, sessions forgotten, limits kept', async () => {
    using client = await identified(server.url, alice.token);
    await Promise.all(Array.from({ length: 60 }, (_, index) => probe(`/x${index}`)));
    const up = server.sockets.restart(5_000);
    expect(await client.ended()).toBe(1012);
    await expect(probe()).rejects.toThrow();
    expect(server.status(alice.id).status).toBe('offline');
    clock.advance(5_000);
    await up;
    const replies = await Promise.all(Array.from({ length: 60 }, (_, index) => probe(`/x${index}`)));
    expect(replies.map(({ status }) => status)).toEqual(Array(60).fill(405));
    clock.advance(5_000);
    expect((await probe()).status).toBe(429);
    using again = await hello(server.url);
    const { session_id } = client.events('READY')[0]!.d;
    again.say({ op: 6, d: { token: alice.token, session_id, seq: 1 } });
    await again.until(() => again.count(9) === 1);
  });

  it.each([
    [false, 200],
    [true, 401],
  ])(
    'a restart forgets the verifications, unless there is a cache server (%s)',
    async (cacheServer, status) => {
      await using peer = await startPlexichatServer({ clock, cacheServer, verificationsPerMinute: 1 });
      const { token } = peer.addUser();
      const once = { connection: 'close' };
      const verified = async () => (await call(peer.url, 'GET', '/users/@me', token, undefined, once)).status;
      expect([await verified(), await verified()]).toEqual([200, 401]);
      await peer.sockets.restart();
      expect(await verified()).toBe(status);
    },
  );

  it('a crash leaves everybody online', async () => {
    using client = await identified(server.url, alice.token);
    await server.sockets.restart(0, 'crash');
    expect(await client.ended()).toBe(1006);
    await server.until(() => server.sockets.open === 0);
    expect(server.status(alice.id).status).toBe('online');
  });

  it('falls silent half-open, and then says what it held back', async () => {
    using client = await identified(server.url, bob.token);
    server.sockets.silence();
    client.say({ op: 1 });
    client.say({ op: 3, d: { status: 'idle' } });
    server.userWrites(alice.id, { status: 'dnd' });
    using late = new TestClient(server.url);
    const reply = probe();
    let answered = false;
    void reply.then(() => (answered = true));
    await settled();
    clock.advance(91_000);
    await settled();
    expect([client.count(11), client.presences(), client.closed]).toEqual([0, [], null]);
    expect([answered, late.frames, late.closed]).toEqual([false, [], null]);
    expect(server.status(bob.id).status).toBe('online');
    server.sockets.speakAgain();
    expect(await client.ended()).toBe(4009);
    expect(client.presences()).toHaveLength(1);
    expect((await reply).status).toBe(200);
    await late.until(() => late.count(10) === 1);
  });

  it('disposes in the middle of anything', async () => {
    server.faultNext(1, 'slow');
    const reply = probe();
    await server.until(() => server.requests.length === 1);
    using client = await hello(server.url);
    server.sockets.silence();
    const gone = reply.catch(() => 'gone');
    await server[Symbol.asyncDispose]();
    await gone;
    expect(await client.ended()).toBe(1006);
  });
});
