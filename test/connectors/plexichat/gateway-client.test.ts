import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { deflateSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { WebSocketServer } from 'ws';
import { PlexichatFault } from '../../../src/connectors/plexichat/fault.ts';
import type { GatewayClientOptions, TokenState } from '../../../src/connectors/plexichat/gateway-client.ts';
import { GatewayClient } from '../../../src/connectors/plexichat/gateway-client.ts';
import { ManualClock } from '../../helpers/clock.ts';
import type { PlexichatServerOptions } from '../../helpers/plexichat-server/options.ts';
import type { Credentials, PlexichatServer } from '../../helpers/plexichat-server/server.ts';
import { startPlexichatServer } from '../../helpers/plexichat-server/server.ts';
import { settled } from '../../helpers/settled.ts';

/** With 0.5 the first heartbeat is half an interval after HELLO, and the first wait 1.5 s. */
const RANDOM = 0.5;
const FIRST_WAIT = 1500;

let clock: ManualClock;
let server: PlexichatServer;
let client: GatewayClient;
let bridge: Credentials;
let bob: Credentials;
/** What the client told, oldest first. */
let told: (readonly [string, unknown])[];
let tokenState: TokenState | Error;
let turns: ReturnType<typeof vi.fn<(...args: unknown[]) => Promise<void>>>;
let owned: (() => unknown)[];

async function start(options: Partial<PlexichatServerOptions> = {}): Promise<void> {
  server = await startPlexichatServer({ clock, ...options });
  bridge = server.addUser({ username: 'bridge' });
  bob = server.addUser({ username: 'bob' });
  server.befriend(bridge.id, bob.id);
  const made = server;
  owned.push(() => made[Symbol.asyncDispose]());
}

function connect(options: Partial<GatewayClientOptions> = {}): void {
  const tell = (name: string) => (what: unknown) => void told.push([name, what]);
  client = new GatewayClient({
    baseUrl: server.url,
    token: bridge.token,
    budgets: { turn: turns },
    checkToken: () =>
      tokenState instanceof Error ? Promise.reject(tokenState) : Promise.resolve(tokenState),
    clock,
    random: () => RANDOM,
    events: {
      ready: tell('ready'),
      presence: tell('presence'),
      relationship: tell('relationship'),
      down: tell('down'),
      refused: tell('refused'),
      unreadable: tell('unreadable'),
    },
    ...options,
  });
  const made = client;
  owned.push(() => made[Symbol.asyncDispose]());
  client.start();
}

beforeEach(async () => {
  clock = new ManualClock();
  told = [];
  owned = [];
  tokenState = 'unknown';
  turns = vi.fn(() => Promise.resolve());
  await start();
});

afterEach(async () => {
  for (const end of owned.reverse()) await end();
});

/** Until it holds; sockets are real, so only the turns of the loop can tell. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await setImmediate();
}

/** The next thing that the client tells under one of these names. */
async function next(...names: string[]): Promise<unknown> {
  const from = told.length;
  const found = () => told.slice(from).find(([name]) => names.includes(name));
  await until(() => found() !== undefined);
  return found()?.[1];
}

/** Turns the clock in steps short enough for what is sent in between to arrive. */
async function pass(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 500) {
    clock.advance(Math.min(500, left));
    await settled();
  }
}

/** Turns the clock until the client tells something under this name. */
async function passUntil(name: string): Promise<unknown> {
  const from = told.length;
  const found = () => told.slice(from).find(([each]) => each === name);
  while (!found()) await pass(500);
  return found()?.[1];
}

async function up(options?: Partial<GatewayClientOptions>): Promise<void> {
  const ready = next('ready');
  connect(options);
  await ready;
}

describe('a gateway client', () => {
  it('identifies with the presence intent alone, compressed, within the budget', async () => {
    const guild = server.addGuild([bridge.id, bob.id]);
    await up();
    expect(told).toEqual([['ready', { userId: bridge.id, guildIds: [guild], resumed: false }]]);
    expect(server.identifies).toMatchObject([
      { userId: bridge.id, token: bridge.token, intents: 256, compress: true, outcome: 'ready' },
    ]);
    expect(turns).toHaveBeenCalledOnce();
    expect(turns.mock.calls[0]?.[0]).toBe('interactive');
  });

  it('is accepted by the version that the public documents describe', async () => {
    await start({ dialect: 'a49' });
    await up();
    expect(server.identifies[0]?.outcome).toBe('ready');
  });

  it('tells presences and relationships, whatever hides between them', async () => {
    await up();
    server.userWrites(bob.id, { status: 'dnd', custom_status: 'hi' });
    expect(await next('presence')).toEqual({
      userId: bob.id,
      mode: 'dnd',
      status: { text: 'hi', emoji: null },
    });
    server.userWrites(bob.id, { status: 'invisible', custom_status: 'i am hidden' });
    expect(await next('presence')).toEqual({ userId: bob.id, mode: 'offline', status: undefined });
    server.dispatch(bridge.id, 'PRESENCE_UPDATE', `{"user_id":${bob.id},"status":"idle","custom_status":5}`);
    expect(await next('presence')).toEqual({ userId: bob.id, mode: 'idle', status: undefined });
    server.dispatch(bridge.id, 'SECURITY_ALERT', `{"user_id":${bob.id}}`);
    server.unfriend(bridge.id, bob.id);
    expect(await next('relationship')).toMatchObject({ userId: bob.id, isFriend: false });
    server.befriend(bridge.id, bob.id);
    expect(await next('relationship')).toMatchObject({ userId: bob.id, isFriend: true, mode: 'offline' });
    server.dispatch(bridge.id, 'PRESENCE_UPDATE', '{"user_id":null}');
    expect(await next('unreadable')).toBe('PRESENCE_UPDATE');
    server.dispatch(bridge.id, 'RELATIONSHIP_ADD', '[]');
    expect(await next('unreadable')).toBe('RELATIONSHIP_ADD');
    expect(told.filter(([name]) => name === 'down')).toEqual([]);
  });

  it('goes offline when it is disposed, and stays away', async () => {
    await up();
    await client[Symbol.asyncDispose]();
    await server.until(() => server.sockets.open === 0);
    expect(server.status(bridge.id).status).toBe('offline');
    await pass(700_000);
    expect([told.length, server.identifies.length]).toEqual([1, 1]);
  });

  it('can be disposed while REST is asked about the token', async () => {
    const asked: ((state: TokenState) => void)[] = [];
    connect({ token: '5.wrong', checkToken: () => new Promise((resolve) => asked.push(resolve)) });
    await until(() => asked.length === 1);
    await client[Symbol.asyncDispose]();
    asked[0]?.('bad');
    await pass(601_000);
    expect([told, server.identifies.length]).toEqual([[], 1]);
  });

  it('can be disposed while it connects, while it waits, and when nobody answers', async () => {
    connect();
    await client[Symbol.asyncDispose]();
    server.sockets.stopListening();
    connect();
    await next('down');
    await client[Symbol.asyncDispose]();
    await server.sockets.listenAgain();
    await up();
    server.sockets.silence();
    await client[Symbol.asyncDispose]();
    const before = told.length;
    await pass(120_000);
    expect(told.length).toBe(before);
  });
});

describe('heartbeats', () => {
  it('keep the connection for as long as they are answered', async () => {
    await beatsOf(45_000, 45_000, 10);
    expect(told.filter(([name]) => name === 'down')).toEqual([]);
  });

  it('that are not answered for an interval end it', async () => {
    await up();
    server.gatewayFaults.stopAcking();
    await pass(22_000 + 45_000);
    expect(told.length).toBe(1);
    const down = next('down');
    await pass(1000);
    expect(await down).toBe('silent');
    server.gatewayFaults.ackAgain();
    const ready = next('ready');
    await pass(FIRST_WAIT);
    await ready;
  });

  it('find out that a connection is half-open', async () => {
    await up();
    server.sockets.silence();
    const down = next('down');
    await pass(68_000);
    expect(await down).toBe('silent');
    await pass(FIRST_WAIT);
    server.sockets.speakAgain();
    await until(() => told.at(-1)?.[0] === 'ready');
  });

  it.each([
    [1, 5000],
    [45_000, 45_000],
    [1e9, 60_000],
  ])('asked for every %d ms come every %d ms', async (asked, interval) => {
    expect(await beatsOf(asked, interval, 3)).toEqual([0.5, 1.5, 2.5].map((n) => n * interval));
  });
});

/** When each of the first heartbeats came, ms after the connection. An event follows each ACK, so that it has come. */
async function beatsOf(asked: number, interval: number, count: number): Promise<number[]> {
  const began = clock.now();
  const beats: number[] = [];
  const hello = `{"op":10,"d":{"heartbeat_interval":${asked}}}`;
  const fake = await fakeGateway((frame, send) => {
    if (frame.op === 2) send('{"op":0,"t":"READY","s":1,"d":{"user":{"id":"5"},"session_id":"s"}}');
    if (frame.op !== 1) return;
    beats.push(clock.now() - began);
    send('{"op":11}');
    send('{"op":0,"t":"RELATIONSHIP_REMOVE","s":2,"d":{"user_id":"7"}}');
  }, hello);
  await up({ baseUrl: fake });
  for (let n = 0; n < count; n++) {
    const acknowledged = next('relationship');
    clock.advance(n === 0 ? interval / 2 : interval);
    await acknowledged;
  }
  return beats;
}

/** A gateway that says what it is told to say. */
async function fakeGateway(
  answer: (frame: any, send: (data: string | Buffer) => void) => void,
  hello: string | Buffer = '{"op":10,"d":{"heartbeat_interval":45000}}',
): Promise<string> {
  const sockets = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  sockets.on('connection', (socket) => {
    const send = (data: string | Buffer) => socket.send(data);
    socket.on('error', () => undefined);
    socket.on('message', (data) => answer(JSON.parse((data as Buffer).toString()), send));
    send(hello);
  });
  await once(sockets, 'listening');
  owned.push(() => {
    for (const socket of sockets.clients) socket.terminate();
    sockets.close();
  });
  return `http://127.0.0.1:${(sockets.address() as AddressInfo).port}`;
}

describe('after a drop', () => {
  it('resumes, and goes on where it was', async () => {
    await up();
    server.userWrites(bob.id, { status: 'dnd' });
    await next('presence');
    server.sockets.cutAll();
    expect(await next('down')).toBe('closed');
    const ready = next('ready');
    clock.advance(FIRST_WAIT);
    expect(await ready).toEqual({ userId: bridge.id, guildIds: [], resumed: true });
    expect(server.resumes).toMatchObject([{ seq: 2, accepted: true }]);
    server.userWrites(bob.id, { status: 'idle' });
    expect(await next('presence')).toMatchObject({ mode: 'idle' });
    expect([server.identifies.length, turns.mock.calls.length]).toEqual([1, 1]);
  });

  it('is told again what it missed, as the server kept it', async () => {
    await start({ defects: { gapLost: false } });
    await up();
    server.sockets.cutAll();
    await next('down');
    server.userWrites(bob.id, { status: 'dnd' });
    const presence = next('presence');
    clock.advance(FIRST_WAIT);
    expect(await presence).toMatchObject({ mode: 'dnd' });
    server.sockets.cutAll();
    await next('down');
    await passUntil('ready');
    expect(server.resumes.map(({ seq }) => seq)).toEqual([1, 2]);
  });

  it('identifies on the same socket when it may not resume', async () => {
    await up();
    await pass(50_000);
    server.sockets.cutAll();
    await next('down');
    server.gatewayFaults.invalidateSessions(1);
    const ready = next('ready');
    clock.advance(FIRST_WAIT);
    expect(await ready).toMatchObject({ resumed: false });
    expect([server.resumes.length, server.identifies.length, server.sockets.open]).toEqual([1, 2, 1]);
    server.userWrites(bob.id, { status: 'idle' });
    expect(await next('presence')).toMatchObject({ mode: 'idle' });
  });

  it('does not try to resume what the server has forgotten', async () => {
    await up();
    const restarted = server.sockets.restart(60_000, 'crash');
    await next('down');
    await pass(56_000);
    await until(() => told.at(-1)?.[1] === 'refused');
    clock.advance(4000);
    await restarted;
    expect(await passUntil('ready')).toMatchObject({ resumed: false });
    expect(server.resumes).toEqual([]);
  });

  it('waits longer each time, and a first time again once it was up for a minute', async () => {
    await up();
    const waits = async (ms: number) => {
      const before = told.length;
      clock.advance(ms - 1);
      await settled();
      expect(told.length).toBe(before);
      const again = next('down', 'ready');
      clock.advance(1);
      await again;
    };
    const drop = async () => {
      const down = next('down');
      server.sockets.cutAll();
      await down;
    };
    server.sockets.stopListening();
    await drop();
    for (const ms of [1500, 2500, 4500, 8500, 16_500, 30_500]) await waits(ms);
    await server.sockets.listenAgain();
    await waits(30_500);
    await drop();
    await waits(30_500);
    clock.advance(60_000);
    await drop();
    await waits(FIRST_WAIT);
  });

  it.each([1000, 1001, 1011, 1012, 4000, 4001, 4002, 4003, 4005, 4007, 4008, 4009, 4010, 4012, 4017])(
    'with close code %d it comes back',
    async (code) => {
      await up();
      server.sockets.closeAll(code);
      expect(await next('down')).toBe('closed');
      const ready = next('ready');
      clock.advance(FIRST_WAIT);
      expect(await ready).toMatchObject({ userId: bridge.id });
    },
  );

  it('with a restart it identifies anew, as soon as there is somebody', async () => {
    await up();
    const restarted = server.sockets.restart(10_000);
    expect(await next('down')).toBe('closed');
    clock.advance(FIRST_WAIT);
    expect(await next('down')).toBe('refused');
    clock.advance(10_000 - FIRST_WAIT);
    await restarted;
    expect(await passUntil('ready')).toMatchObject({ resumed: false });
  });
});

describe('when it is not let in', () => {
  async function refusedWith(code: number): Promise<void> {
    await up();
    const said = next('down', 'refused');
    server.sockets.closeAll(code);
    await said;
  }

  it('4004 for a token that REST calls bad is believed, and tried again after ten minutes', async () => {
    tokenState = 'bad';
    server.revoke(bridge.token);
    connect();
    expect(await next('refused')).toBe('token');
    await pass(599_000);
    expect(server.identifies.length).toBe(1);
    clock.advance(1000);
    await server.until(() => server.identifies.length === 2);
  });

  it('4004 for a good token means too many verifications: a minute later it is tried again', async () => {
    await start({ verificationsPerMinute: 0 });
    tokenState = 'good';
    connect();
    expect(await next('down')).toBe('rate_limited');
    await pass(59_500);
    expect(server.identifies.length).toBe(1);
    await pass(500);
    await server.until(() => server.identifies.length === 2);
  });

  it.each(['unknown' as const, new Error('no answer')])(
    '4004 when REST says %s is no word about the token',
    async (state) => {
      tokenState = state;
      await refusedWith(4004);
      expect(told.at(-1)).toEqual(['down', 'closed']);
      const ready = next('ready');
      await pass(FIRST_WAIT);
      await ready;
    },
  );

  it('4013 is for the operator', async () => {
    await refusedWith(4013);
    expect(told.at(-1)).toEqual(['refused', 'intents']);
    await pass(599_500);
    expect(server.identifies.length).toBe(1);
    const ready = next('ready');
    await pass(500);
    await ready;
  });

  it('a token is not sent again within 5 s', async () => {
    const times: number[] = [];
    turns.mockImplementation(() => Promise.resolve(void times.push(clock.now())));
    server.gatewayFaults.invalidateSessions(3);
    connect();
    await passUntil('ready');
    // More where the clock was turned faster than an answer came, so that the client took it for silence.
    expect(times.length).toBeGreaterThanOrEqual(4);
    for (let n = 1; n < times.length; n++) expect(times[n]! - times[n - 1]!).toBeGreaterThanOrEqual(5000);
  });

  it('it does not identify without a budget', async () => {
    turns.mockRejectedValueOnce(new PlexichatFault('rate_limited', { retryAfterMs: 40_000 }));
    connect();
    expect(await next('down')).toBe('rate_limited');
    await pass(39_500);
    expect(server.identifies).toEqual([]);
    const ready = next('ready');
    await pass(500);
    await ready;
  });
});

describe('when nothing comes', () => {
  it('of HELLO within 20 s', async () => {
    server.sockets.silence();
    connect();
    await pass(19_500);
    expect(told).toEqual([]);
    const down = next('down');
    await pass(500);
    expect(await down).toBe('silent');
  });

  it('of an answer to IDENTIFY within 20 s', async () => {
    server.gatewayFaults.ignoreIdentifies(1);
    connect();
    await server.until(() => server.identifies.length === 1);
    await pass(19_500);
    expect(told).toEqual([]);
    const down = next('down');
    await pass(500);
    expect(await down).toBe('silent');
    const ready = next('ready');
    await pass(FIRST_WAIT);
    await ready;
  });

  it('of an answer to RESUME within 20 s, after which it identifies', async () => {
    let resumes = 0;
    const fake = await fakeGateway((frame, send) => {
      if (frame.op === 6) resumes++;
      if (frame.op === 2) send('{"op":0,"t":"READY","s":1,"d":{"user":{"id":"5"},"session_id":"s"}}');
      if (frame.op === 2) send('{"op":7}');
    });
    await up({ baseUrl: fake });
    await until(() => told.length === 2);
    expect(told[1]).toEqual(['down', 'closed']);
    await pass(FIRST_WAIT);
    await until(() => resumes === 1);
    const down = next('down');
    await pass(20_000);
    expect(await down).toBe('silent');
    await passUntil('ready');
    expect(resumes).toBe(1);
  });
});

describe('what cannot be reached or understood', () => {
  it.each([403, 302])('HTTP %d in place of a socket', async (status) => {
    const http = createServer();
    http.on('upgrade', (_request, socket) => {
      socket.end(`HTTP/1.1 ${status} No\r\nLocation: ${server.url}/gateway\r\nContent-Length: 0\r\n\r\n`);
    });
    http.listen(0, '127.0.0.1');
    await once(http, 'listening');
    owned.push(() => http.close());
    connect({ baseUrl: `http://127.0.0.1:${(http.address() as AddressInfo).port}` });
    expect(await next('down')).toBe('unreachable');
    expect(server.sockets.open).toBe(0);
  });

  it('is found below the path of the base URL', async () => {
    connect({ baseUrl: `${server.url}/elsewhere/` });
    expect(await next('down')).toBe('unreachable');
    await client[Symbol.asyncDispose]();
    await up({ baseUrl: `${server.url}/` });
  });

  it.each(['{"op":10}', '{"op', '[]', '{"op":10,"d":{"heartbeat_interval":45000}}'])(
    'garbage ends it, and nothing is resumed: %s',
    async (frame) => {
      await up();
      server.sendRaw(frame);
      expect(await next('down')).toBe('garbage');
      await server.until(() => server.sockets.open === 0);
      expect(await passUntil('ready')).toMatchObject({ resumed: false });
      expect(server.resumes).toEqual([]);
    },
  );

  it('a READY that tells nothing', async () => {
    const fake = await fakeGateway((_frame, send) => send('{"op":0,"t":"READY","s":1,"d":{}}'));
    connect({ baseUrl: fake });
    expect(await next('down')).toBe('garbage');
  });

  it.each([
    ['no zlib stream', Buffer.from('{"op":11}')],
    ['a broken one', Buffer.from('789cffffffff', 'hex')],
    [
      'more than 4 MiB once inflated',
      deflateSync(JSON.stringify({ op: 11, d: ' '.repeat(4 * 1024 * 1024) })),
    ],
    ['more than 4 MiB', JSON.stringify({ op: 11, d: ' '.repeat(4 * 1024 * 1024) })],
  ])('%s', async (_name, data) => {
    const fake = await fakeGateway((_frame, send) => send(data));
    connect({ baseUrl: fake });
    expect(await next('down')).toBe('garbage');
  });

  it('a server whose clock is a day off', async () => {
    const theirs = new ManualClock(clock.now() + 86_400_000);
    await start({ clock: theirs });
    await up();
    server.sockets.cutAll();
    await next('down');
    const ready = next('ready');
    await pass(FIRST_WAIT);
    expect(await ready).toMatchObject({ resumed: true });
  });
});
