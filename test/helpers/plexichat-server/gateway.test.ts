import { deflateSync, createInflate } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { ManualClock, START } from '../clock.ts';
import type { PlexichatServerOptions } from './options.ts';
import type { Credentials, PlexichatServer } from './server.ts';
import { startPlexichatServer } from './server.ts';
import { call, hello, identified, TestClient } from './test-client.ts';

let clock: ManualClock;
let server: PlexichatServer;
let alice: Credentials;
let bob: Credentials;
let carol: Credentials;

/** Alice and Bob are friends; Carol is alone. */
async function start(options: Partial<PlexichatServerOptions> = {}): Promise<void> {
  clock = new ManualClock();
  server = await startPlexichatServer({ clock, ...options });
  alice = server.addUser({ username: 'alice' });
  bob = server.addUser({ username: 'bob' });
  carol = server.addUser({ username: 'carol' });
  server.befriend(alice.id, bob.id);
}

async function restart(options: Partial<PlexichatServerOptions>): Promise<void> {
  await server[Symbol.asyncDispose]();
  await start(options);
}

beforeEach(() => start());
afterEach(() => server[Symbol.asyncDispose]());

function update(id: string, status: string, text: unknown = null, emoji: unknown = null) {
  return { user_id: id, status, custom_status: text, custom_emoji: emoji };
}

describe('frames', () => {
  it('greets, and answers heartbeats before IDENTIFY', async () => {
    using client = await hello(server.url);
    expect(client.frames[0]!.text).toBe('{"op":10,"d":{"heartbeat_interval":45000}}');
    await client.caughtUp();
    expect(client.frames.at(-1)!.text).toBe('{"op":11}');
  });

  it.each(['/gateway/', '/api/v1/gateway'])('refuses %s', async (path) => {
    const ws = new WebSocket(`${server.url.replace('http', 'ws')}${path}`);
    const status = await new Promise((resolve) => {
      ws.on('error', () => undefined);
      ws.on('unexpected-response', (_request, response) => resolve(response.statusCode));
    });
    ws.terminate();
    expect(status).toBe(403);
    using client = new TestClient(server.url, '/gateway?v=10');
    await client.until(() => client.count(10) === 1);
  });

  it.each([
    ['{"op":99}', 4001, 'Unknown opcode'],
    ['{"op":10,"d":{}}', 4001, 'Unknown opcode'],
    ['{"op":"1"}', 4001, 'Unknown opcode'],
    ['{"op":13}', 4001, 'Unknown opcode'],
    ['{"d":1}', 4002, 'Decode error'],
    ['{"op":null}', 4002, 'Decode error'],
    ['{"op":', 4002, 'Decode error'],
    ['', 4002, 'Decode error'],
    [JSON.stringify({ op: 1, d: 'x'.repeat(65_536) }), 4002, 'Decode error'],
    ['{"op":3,"d":{"status":"online"}}', 4003, 'Not authenticated'],
    ['{"op":60}', 4003, 'Not authenticated'],
    ['{"op":2}', 4002, 'Decode error'],
    ['{"op":2,"d":{}}', 4002, 'Decode error'],
    ['{"op":2,"d":{"intents":1}}', 4004, 'Authentication failed'],
    ['{"op":2,"d":{"token":"x"}}', 4004, 'Authentication failed'],
    ['{"op":2,"d":"x"}', 1006, ''],
    ['{"op":6}', 4002, 'Decode error'],
    ['[]', 1006, ''],
    ['5', 1006, ''],
  ])('closes on %s', async (frame, code, reason) => {
    using client = await hello(server.url);
    client.say(frame);
    await client.ended();
    expect(client.closed).toEqual({ code, reason });
  });

  it('takes true and 1.0 for 1, passes null over, and reads binary JSON and zlib', async () => {
    using client = await hello(server.url);
    for (const frame of ['null', '{"op":true}', '{"op":1.0}']) client.say(frame);
    client.ws.send(Buffer.from('{"op":1}'));
    client.ws.send(deflateSync('{"op":1}'));
    client.ws.send(deflateSync(JSON.stringify({ op: 1, d: 'x'.repeat(256 * 1024) })));
    expect(await client.ended()).toBe(4002);
    expect(client.count(11)).toBe(4);
  });

  it('compresses as one stream after IDENTIFY', async () => {
    using client = await hello(server.url);
    const { pieces } = client;
    client.say({ op: 2, d: { token: carol.token, compress: true } });
    client.say({ op: 1 });
    await client.until(() => pieces.length === 2);
    for (const piece of pieces) expect(piece.subarray(-4).toString('hex')).toBe('0000ffff');
    const inflate = createInflate();
    let text = '';
    inflate.on('data', (chunk: Buffer) => (text += chunk.toString()));
    for (const piece of pieces) await new Promise((resolve) => inflate.write(piece, resolve));
    expect(text).toMatch(/^\{"op":0,"t":"READY".*\}\{"op":11\}$/);
  });
});

describe('heartbeats', () => {
  it('closes 4009 after 90 s without a frame, and leaves the user online', async () => {
    using watcher = await identified(server.url, bob.token);
    using client = await identified(server.url, alice.token);
    clock.advance(89_999);
    await Promise.all([client.caughtUp(), watcher.caughtUp()]);
    clock.advance(80_000);
    await watcher.caughtUp();
    clock.advance(10_000);
    expect(await client.ended()).toBe(4009);
    await watcher.caughtUp();
    expect(watcher.presences()).toEqual([update(alice.id, 'online')]);
    expect(server.status(alice.id).status).toBe('online');
  });

  it('closes 4009 after 135 s with frames but without heartbeats', async () => {
    using client = await identified(server.url, carol.token);
    for (let second = 0; second < 130; second += 10) {
      client.say({ op: 3, d: { status: second % 20 === 0 ? 'idle' : 'dnd' } });
      const at = clock.now();
      await server.until(() => server.status(carol.id).status === (second % 20 === 0 ? 'idle' : 'dnd'));
      expect(clock.now()).toBe(at);
      clock.advance(10_000);
    }
    clock.advance(4_999);
    expect(client.closed).toBeNull();
    expect(server.sockets.open).toBe(1);
    clock.advance(1);
    expect(await client.ended()).toBe(4009);
  });
});

describe('a late heartbeat', () => {
  it('starts the count of missed ones anew', async () => {
    using client = await identified(server.url, carol.token);
    const says = async (status: string) => {
      client.say({ op: 3, d: { status } });
      await server.until(() => server.status(carol.id).status === status);
    };
    clock.advance(80_000);
    await says('idle');
    clock.advance(20_000);
    await client.caughtUp();
    clock.advance(80_000);
    await says('dnd');
    clock.advance(89_999);
    await says('online');
    expect(client.closed).toBeNull();
    clock.advance(1);
    expect(await client.ended()).toBe(4009);
  });
});

describe('IDENTIFY', () => {
  it('answers READY without presences, after others heard that she is online', async () => {
    const guild = server.addGuild([alice.id], 'lab');
    server.userWrites(alice.id, { status: 'invisible', custom_status: 'kept' });
    using watcher = await identified(server.url, bob.token);
    clock.advance(5);
    using client = await identified(server.url, alice.token);
    const { s, d } = client.events('READY')[0]!;
    expect(s).toBe(1);
    expect(d).toEqual({
      v: 10,
      user: { id: alice.id, username: 'alice', discriminator: '0', avatar: null, bot: false },
      guilds: [{ id: guild, name: 'lab', unavailable: false }],
      session_id: expect.stringMatching(/^[\da-f]{32}$/),
      resume_gateway_url: 'wss://gateway.example.com',
      application: { id: alice.id, flags: 0 },
    });
    await watcher.caughtUp();
    expect(watcher.presences()).toEqual([update(alice.id, 'online')]);
    const stored = { status: 'online', text: 'kept', emoji: null, lastSeen: START + 5 };
    expect(server.status(alice.id)).toEqual(stored);
    expect(server.identifies.at(-1)).toMatchObject({ userId: alice.id, outcome: 'ready', intents: 256 });
  });

  it.each([
    [{ intents: -1 }, 4013],
    [{ intents: 1_900_544 }, 4013],
    [{ intents: '5' }, 1006],
    [{ intents: null }, 1006],
    [{ properties: [] }, 1006],
  ])('ends on %j', async (fields, code) => {
    using client = await hello(server.url);
    client.say({ op: 2, d: { token: carol.token, ...fields } });
    expect(await client.ended()).toBe(code);
  });

  it('takes at most 65535 on a49', async () => {
    using head = await identified(server.url, carol.token, { intents: 65_536 });
    expect(head.closed).toBeNull();
    await restart({ dialect: 'a49' });
    using client = await hello(server.url);
    client.say({ op: 2, d: { token: carol.token, intents: 65_536 } });
    expect(await client.ended()).toBe(4013);
  });

  it('refuses a prefix, a second IDENTIFY, and the 101st token; leaves her as she was', async () => {
    using prefixed = await hello(server.url);
    prefixed.say({ op: 2, d: { token: `Bearer ${alice.token}` } });
    expect(await prefixed.ended()).toBe(4004);
    using twice = await identified(server.url, alice.token);
    twice.say({ op: 2, d: { token: alice.token } });
    expect(await twice.ended()).toBe(4005);
    await server.until(() => server.sockets.open === 0);
    expect(server.status(alice.id).status).toBe('online');
    await restart({ verificationsPerMinute: 1 });
    using first = await identified(server.url, alice.token);
    using second = await hello(server.url);
    second.say({ op: 2, d: { token: bob.token } });
    expect(await second.ended()).toBe(4004);
    first.say({ op: 1 });
  });

  it('default intents tell no presences; a bot is its owner', async () => {
    using client = await identified(server.url, bob.token, { intents: undefined });
    using bot = await identified(server.url, server.addBot(alice.id).token);
    expect(bot.events('READY')[0]!.d.user).toMatchObject({ id: alice.id, bot: false });
    await client.caughtUp();
    expect(client.presences()).toEqual([]);
  });
});

describe('PRESENCE_UPDATE', () => {
  it('carries the request, not the state, and repeats itself', async () => {
    using watcher = await identified(server.url, bob.token);
    server.userWrites(alice.id, { status: 'dnd', custom_status: 't', custom_emoji: 'e'.repeat(70) });
    server.userWrites(alice.id, { status: 'dnd' });
    server.userWrites(alice.id, { status: 'dnd' });
    server.userWrites(alice.id, { status: 'dnd', custom_status: '', custom_emoji: '' });
    server.userWrites(alice.id, { status: 'idle', custom_emoji: 'fails' });
    await watcher.caughtUp();
    expect(watcher.presences()).toEqual([
      update(alice.id, 'dnd', 't', 'e'.repeat(70)),
      update(alice.id, 'dnd'),
      update(alice.id, 'dnd'),
      update(alice.id, 'dnd', '', ''),
    ]);
    expect(server.status(alice.id).status).toBe('idle');
  });

  it('tells the text of the invisible', async () => {
    using watcher = await identified(server.url, bob.token);
    server.userWrites(alice.id, { status: 'invisible', custom_status: 'secret' });
    await watcher.caughtUp();
    expect(watcher.presences()).toEqual([update(alice.id, 'offline', 'secret')]);
  });

  it('is right where the defects are off', async () => {
    await restart({
      defects: { eventsCarryRequest: false, invisibleLeaksText: false, eventsRepeat: false },
    });
    using watcher = await identified(server.url, bob.token);
    server.userWrites(alice.id, { status: 'dnd', custom_status: 't' });
    server.userWrites(alice.id, { status: 'idle' });
    server.userWrites(alice.id, { status: 'idle' });
    server.userWrites(alice.id, { status: 'invisible', custom_status: 'secret' });
    await watcher.caughtUp();
    expect(watcher.presences()).toEqual([
      update(alice.id, 'dnd', 't'),
      update(alice.id, 'idle', 't'),
      update(alice.id, 'offline'),
    ]);
  });

  it('reaches guild members whom she blocked, not herself, and friends of 15 s ago', async () => {
    server.addGuild([alice.id, carol.id]);
    server.block(alice.id, carol.id);
    using friend = await identified(server.url, bob.token);
    using member = await identified(server.url, carol.token);
    using self = await identified(server.url, alice.token);
    server.unfriend(alice.id, bob.id);
    clock.advance(14_999);
    server.userWrites(alice.id, { status: 'dnd' });
    clock.advance(1);
    server.userWrites(alice.id, { status: 'idle' });
    await Promise.all([friend, member, self].map((client) => client.caughtUp()));
    const statuses = (client: TestClient) => client.presences().map(({ status }) => status);
    expect(statuses(friend)).toEqual(['online', 'dnd']);
    expect(statuses(member)).toEqual(['online', 'dnd', 'idle']);
    expect(statuses(self)).toEqual([]);
  });

  it('spares the blocked where that defect is off', async () => {
    await restart({ defects: { eventsIgnoreBlocks: false } });
    server.addGuild([alice.id, carol.id]);
    server.block(carol.id, alice.id);
    using member = await identified(server.url, carol.token);
    server.userWrites(alice.id, { status: 'dnd' });
    await member.caughtUp();
    expect(member.presences()).toEqual([]);
  });

  it('stops silently at 120 in 60 s, and s goes on without a gap', async () => {
    using watcher = await identified(server.url, bob.token);
    for (let count = 0; count < 130; count++) server.userWrites(alice.id, { status: 'dnd' });
    clock.advance(60_000);
    server.userWrites(alice.id, { status: 'idle' });
    await watcher.caughtUp();
    expect(watcher.presences()).toHaveLength(121);
    expect(watcher.events('PRESENCE_UPDATE').at(-1)!.s).toBe(122);
  });
});

describe('op 3', () => {
  it('relays any text and stores none, defaults to online, and ignores nonsense', async () => {
    using watcher = await identified(server.url, bob.token);
    using client = await identified(server.url, alice.token);
    const long = 'x'.repeat(300);
    for (const d of [
      { status: 'dnd', custom_status: long, custom_emoji: 5 },
      { status: 'away' },
      { status: null },
      {},
      null,
      { custom_status: 'no status' },
      { status: 'idle', activities: [{ type: 0, name: 'n' }] },
    ]) {
      client.say({ op: 3, d });
    }
    await client.caughtUp();
    await watcher.caughtUp();
    expect(watcher.presences()).toEqual([
      update(alice.id, 'online'),
      update(alice.id, 'dnd', long, 5),
      update(alice.id, 'online', 'no status'),
    ]);
    expect(server.status(alice.id)).toMatchObject({ status: 'idle', text: null });
  });
});

describe('op 8', () => {
  it('shows the invisible to members with the intent, and says nothing to strangers', async () => {
    const guild = server.addGuild([alice.id, carol.id]);
    server.userWrites(alice.id, { status: 'invisible' });
    using member = await identified(server.url, carol.token, { intents: 2 });
    using stranger = await identified(server.url, bob.token, { intents: 2 });
    member.say(`{"op":8,"d":{"guild_id":${guild}}}`);
    stranger.say({ op: 8, d: { guild_id: guild } });
    await Promise.all([member.caughtUp(), stranger.caughtUp()]);
    expect(stranger.events('GUILD_MEMBERS_CHUNK')).toEqual([]);
    const { d } = member.events('GUILD_MEMBERS_CHUNK')[0]!;
    expect(d).toMatchObject({ guild_id: guild, chunk_index: 0, chunk_count: 1, not_found: [] });
    expect(d.members[0]).toMatchObject({ user_id: alice.id, presence: { status: 'invisible' } });
    member.say({ op: 8, d: {} });
    expect(await member.ended()).toBe(4002);
  });
});

describe('the end of a socket', () => {
  it('any close sets offline, though others are open', async () => {
    using watcher = await identified(server.url, bob.token);
    server.userConnects(alice.id);
    const client = await identified(server.url, alice.token);
    client.ws.close(1000);
    await server.until(() => server.sockets.open === 1);
    await watcher.caughtUp();
    expect(watcher.presences().at(-1)).toEqual(update(alice.id, 'offline'));
    server.userDisconnects(alice.id);
    await watcher.caughtUp();
    expect(watcher.presences()).toHaveLength(4);
  });

  it('where that defect is off, only the last one does', async () => {
    await restart({ defects: { anyCloseSetsOffline: false } });
    server.userConnects(alice.id);
    const client = await identified(server.url, alice.token);
    client.ws.close(1000);
    await server.until(() => server.sockets.open === 0);
    expect(server.status(alice.id).status).toBe('online');
    server.userDisconnects(alice.id);
    expect(server.status(alice.id).status).toBe('offline');
    using other = await identified(server.url, alice.token);
    server.userConnects(alice.id);
    server.userDisconnects(alice.id);
    expect([server.status(alice.id).status, other.closed]).toEqual(['online', null]);
  });

  it.each([
    ['a dropped TCP', () => server.sockets.cutAll(), 'offline'],
    ['a close of the server', () => server.sockets.closeAll(4000), 'online'],
    ['a shutdown', () => server.sockets.closeAll(1012), 'offline'],
  ])('after %s', async (_, end, status) => {
    using client = await identified(server.url, alice.token);
    end();
    await client.ended();
    await server.until(() => server.sockets.open === 0);
    expect(server.status(alice.id).status).toBe(status);
  });

  it('a crash of the handler sets offline; a decode error does not', async () => {
    using crashed = await identified(server.url, alice.token);
    using closed = await identified(server.url, bob.token);
    crashed.say('[]');
    closed.say('{');
    expect(await crashed.ended()).toBe(1006);
    expect(await closed.ended()).toBe(4002);
    await server.until(() => server.sockets.open === 0);
    expect([server.status(alice.id).status, server.status(bob.id).status]).toEqual(['offline', 'online']);
  });

  it('tells those who are her friends by then, not those of 15 s ago', async () => {
    using former = await identified(server.url, bob.token);
    using recent = await identified(server.url, carol.token);
    server.userConnects(alice.id);
    server.unfriend(alice.id, bob.id);
    server.befriend(alice.id, carol.id);
    server.userDisconnects(alice.id);
    await Promise.all([former.caughtUp(), recent.caughtUp()]);
    expect(former.presences()).toEqual([update(alice.id, 'online')]);
    expect(recent.presences()).toEqual([update(alice.id, 'offline')]);
  });

  it('who has neither friend nor guild stays online', async () => {
    using client = await identified(server.url, carol.token);
    client.ws.close();
    await server.until(() => server.sockets.open === 0);
    expect(server.status(carol.id).status).toBe('online');
  });
});

describe('RESUME', () => {
  const resumeFrame = (client: TestClient, seq: unknown, token = bob.token) => ({
    op: 6,
    d: { token, session_id: client.events('READY')[0]!.d.session_id, seq },
  });

  async function resumed(from: TestClient, seq: unknown, token?: string): Promise<TestClient> {
    const client = await hello(server.url);
    client.say(resumeFrame(from, seq, token));
    await client.until(() => client.frames.length > 1);
    await client.caughtUp();
    return client;
  }

  async function dropped(): Promise<TestClient> {
    const client = await identified(server.url, bob.token);
    server.userWrites(alice.id, { status: 'idle' });
    await client.caughtUp();
    client.ws.terminate();
    await server.until(() => server.sockets.open === 0);
    return client;
  }

  it('replays what was sent, loses the gap, and leaves her offline', async () => {
    const old = await dropped();
    server.userWrites(alice.id, { status: 'dnd' });
    using client = await resumed(old, 1, server.logIn(bob.id));
    expect(client.frames.slice(1, 3).map(({ text }) => text)).toEqual([
      '{"op":0,"t":"RESUMED","s":2,"d":{}}',
      old.events('PRESENCE_UPDATE')[0]!.text,
    ]);
    server.userWrites(alice.id, { status: 'online' });
    await client.caughtUp();
    expect(client.presences().map(({ status }) => status)).toEqual(['idle', 'online']);
    expect(client.events('PRESENCE_UPDATE').at(-1)!.s).toBe(3);
    expect(server.status(bob.id).status).toBe('offline');
    expect(server.resumes).toEqual([expect.objectContaining({ seq: 1, accepted: true, at: START })]);
  });

  it('replays the gap where that defect is off', async () => {
    await restart({ defects: { gapLost: false } });
    const old = await dropped();
    server.userWrites(alice.id, { status: 'dnd' });
    using client = await resumed(old, 2);
    expect(client.presences().map(({ status }) => status)).toEqual(['dnd']);
  });

  it('keeps 100 events, and READY among them', async () => {
    const old = await dropped();
    using client = await resumed(old, 0);
    expect(client.events('READY')).toHaveLength(1);
    for (let count = 0; count < 110; count++) server.userWrites(alice.id, { status: 'dnd' });
    await client.caughtUp();
    using again = await resumed(old, 1);
    expect(again.presences()).toHaveLength(100);
  });

  it('adopts a higher number; a49 also a lower one', async () => {
    const high = await resumed(await dropped(), 999);
    expect(high.events('RESUMED')[0]!.s).toBe(999);
    high[Symbol.dispose]();
    await restart({ dialect: 'a49' });
    using low = await resumed(await dropped(), 1);
    expect(low.events('RESUMED')[0]!.s).toBe(1);
  });

  it.each([
    ['another user', 1, () => alice.token],
    ['a bad token', 1, () => 'x'],
    ['a text for seq', '1', () => bob.token],
    ['a negative seq', -1, () => bob.token],
  ])('refuses %s with op 9, and takes IDENTIFY on the same socket', async (_, seq, token) => {
    using client = await resumed(await dropped(), seq, token());
    expect(client.frames[1]!.text).toBe('{"op":9,"d":false}');
    client.say({ op: 2, d: { token: bob.token } });
    await client.until(() => client.events('READY').length === 1);
  });

  it('refuses 60 s after the last event, heartbeats or not', async () => {
    const old = await identified(server.url, bob.token);
    clock.advance(60_000);
    await old.caughtUp();
    const inTime = await resumed(old, 1);
    expect(inTime.count(9)).toBe(0);
    clock.advance(1);
    using late = await resumed(old, 1);
    expect(late.count(9)).toBe(1);
    inTime[Symbol.dispose]();
  });

  it('takes over: the old socket hears nothing and dies at its next message, nobody goes offline', async () => {
    using old = await identified(server.url, bob.token);
    using client = await resumed(old, 1);
    server.userWrites(alice.id, { status: 'dnd' });
    await client.caughtUp();
    expect(client.presences()).toHaveLength(1);
    old.say({ op: 1 });
    expect(await old.ended()).toBe(1006);
    expect(old.presences()).toEqual([]);
    await server.until(() => server.sockets.open === 1);
    expect(server.status(bob.id).status).toBe('online');
  });

  it('counts no verification', async () => {
    await restart({ verificationsPerMinute: 1 });
    const old = await dropped();
    using client = await resumed(old, 1);
    expect(client.events('RESUMED')).toHaveLength(1);
  });
});

describe('other events', () => {
  it('a revoked token gets a SECURITY_ALERT with a number, and may go on', async () => {
    using client = await identified(server.url, alice.token);
    server.revoke(alice.token);
    client.say({ op: 3, d: { status: 'idle' } });
    await client.caughtUp();
    expect(client.events('SECURITY_ALERT')[0]!.text).toContain(`"d":{"user_id":${alice.id},"action"`);
    expect(server.status(alice.id).status).toBe('idle');
    expect((await call(server.url, 'GET', '/users/@me', alice.token)).status).toBe(401);
  });

  it('tells of relations to whom they concern', async () => {
    using client = await identified(server.url, alice.token);
    server.befriend(alice.id, carol.id);
    server.block(carol.id, alice.id);
    server.unfriend(alice.id, bob.id);
    await client.caughtUp();
    expect(client.frames.flatMap(({ t, d }) => (t?.startsWith('RELATION') ? [[t, d.user_id]] : []))).toEqual([
      ['RELATIONSHIP_ADD', carol.id],
      ['RELATIONSHIP_REMOVE', bob.id],
    ]);
  });
});
