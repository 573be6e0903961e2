import { pino } from 'pino';
import { beforeEach, describe, expect, it } from 'vitest';
import { MemoryStore } from '../../../../src/stores/memory/memory-store.ts';
import { failOnDemand } from '../../../helpers/bent-store.ts';
import { ALICE, OTHER } from '../plexichat-app.ts';
import type { Gateway, GatewayOptions, User } from './connections.ts';
import { makeWatched } from './connections.ts';

let gateway: Gateway;
let alice: User;
let bob: User;
let logged: { level: number; msg: string; [key: string]: unknown }[];

async function start(options: GatewayOptions = {}): Promise<void> {
  logged = [];
  const log = pino({ level: 'debug', base: null }, { write: (line) => logged.push(JSON.parse(line)) });
  ({ gateway, alice, bob } = await makeWatched({ log, ...options }));
}

beforeEach(() => start());

describe('a socket is closed', () => {
  it.each([
    ['an unknown opcode', '{"op":99}', 4001, 'Unknown opcode'],
    ['an opcode of the server', '{"op":10,"d":{}}', 4001, 'Unknown opcode'],
    ['a version check', '{"op":13,"d":{}}', 4001, 'Unknown opcode'],
    ['what is no frame', '[]', 4002, 'Decode error'],
    ['an IDENTIFY without d', '{"op":2}', 4002, 'Decode error'],
    ['a RESUME without d', '{"op":6}', 4002, 'Decode error'],
    ['a presence before IDENTIFY', '{"op":3,"d":{"status":"idle"}}', 4003, 'Not authenticated'],
    ['typing before IDENTIFY', '{"op":40,"d":{"channel_id":"1"}}', 4003, 'Not authenticated'],
    ['a call before IDENTIFY', '{"op":4}', 4003, 'Not authenticated'],
    ['a bad token', '{"op":2,"d":{"token":"x"}}', 4004, 'Authentication failed'],
    ['no token', '{"op":2,"d":{"intents":1}}', 4004, 'Authentication failed'],
    ['bad intents', '{"op":2,"d":{"token":"x","intents":-1}}', 4013, 'Invalid intents'],
  ])('for %s', async (_name, message, code, reason) => {
    const client = gateway.connect();
    await client.receive(message);
    expect(client.socket.closed).toEqual({ code, reason });
    const before = client.socket.sent.length;
    await client.send(1);
    expect(client.socket.sent.length).toBe(before);
  });

  it.each([
    [2, { token: 'x' }, 4005],
    [6, { token: 'x', session_id: 'x' }, 4005],
    [8, {}, 4002],
    [99, {}, 4001],
  ])('after IDENTIFY for op %d with %j', async (op, d, code) => {
    const client = await gateway.connect().identify(alice.token);
    await client.send(op, d);
    expect(client.socket.closed?.code).toBe(code);
  });

  it('for a token with a prefix, and for one of another network', async () => {
    const prefixed = await gateway.connect().identify(`Bearer ${alice.token}`);
    expect(prefixed.socket.closed?.code).toBe(4004);
    const { token } = await gateway.person([{ network: OTHER.name, id: '7' }]);
    const foreign = await token(OTHER);
    expect((await gateway.connect().identify(foreign)).socket.closed?.code).toBe(4004);
  });

  it('never for what a client of the real server may send', async () => {
    const client = await gateway.connect().identify(alice.token);
    const sent = client.socket.sent.length;
    for (const op of [4, 20, 26, 60, 62]) await client.send(op, {});
    await client.send(8, { guild_id: '1' });
    await client.send(40, { channel_id: 'nonsense' });
    await client.receive('null');
    expect([client.socket.closed, client.socket.sent.length]).toEqual([null, sent]);
  });
});

describe('a heartbeat', () => {
  it('is answered before IDENTIFY and after', async () => {
    const client = gateway.connect();
    await client.send(1, null);
    await client.identify(alice.token);
    await client.send(1, 7);
    expect(client.frames.filter(({ op }) => op === 11)).toEqual([{ op: 11 }, { op: 11 }]);
  });

  it('is missed when nothing at all came for 90 s', async () => {
    const [silent, identified] = [gateway.connect(), await gateway.connect().identify(alice.token)];
    await gateway.pass(89_999);
    expect([silent.socket.closed, identified.socket.closed]).toEqual([null, null]);
    await gateway.pass(1);
    const closed = { code: 4009, reason: 'Session timed out' };
    expect([silent.socket.closed, identified.socket.closed]).toEqual([closed, closed]);
  });

  it('is missed after 135 s of anything else', async () => {
    const client = await gateway.connect().identify(alice.token);
    for (let second = 0; second < 130; second += 10) {
      await client.send(40, { channel_id: '1' });
      await gateway.pass(10_000);
    }
    await gateway.pass(4_999);
    expect(client.socket.closed).toBeNull();
    await gateway.pass(1);
    expect(client.socket.closed?.code).toBe(4009);
  });

  it('every 80 s is enough, and keeps her present without being activity', async () => {
    const client = await gateway.connect().identify(alice.token);
    for (let i = 0; i < 10; i++) {
      await gateway.pass(80_000);
      await client.send(1);
    }
    expect([client.socket.closed, await gateway.mode(alice)]).toEqual([null, 'idle']);
    await gateway.pass(90_000);
    expect(client.socket.closed?.code).toBe(4009);
    await gateway.pass(30_000);
    expect(await gateway.mode(alice)).toBe('offline');
  });

  it('renews a lease that would not outlast the next silence, and no other', async () => {
    const client = await gateway.connect().identify(alice.token);
    const version = async () => (await gateway.presence.look(alice.person.id)).version;
    const before = await version();
    await gateway.pass(30_000);
    await client.send(1);
    expect(await version()).toBe(before);
    await gateway.pass(1);
    await client.send(1);
    expect(await version()).toBe(before + 1);
    const { sessions } = (await gateway.store.get(alice.person.id))!;
    expect(sessions.map(({ endsAt }) => endsAt - gateway.clock.now())).toEqual([165_000]);
  });
});

describe('typing', () => {
  it('is activity, written down once in a while', async () => {
    const client = await gateway.connect().identify(alice.token);
    await gateway.pass(80_000);
    await client.send(1);
    await gateway.pass(70_000);
    await client.send(40, { channel_id: '1' });
    const { version } = await gateway.presence.look(alice.person.id);
    await gateway.pass(9_999);
    await client.send(41, { channel_id: '1' });
    expect((await gateway.presence.look(alice.person.id)).version).toBe(version);
    await client.send(1);
    await gateway.pass(80_000);
    await client.send(1);
    await gateway.pass(80_000);
    expect(await gateway.mode(alice)).toBe('online');
  });
});

describe('op 3', () => {
  it('is stored and told, as a PUT would be', async () => {
    const watching = await gateway.connect().identify(bob.token);
    const client = await gateway.connect().identify(alice.token);
    await client.send(3, { status: 'dnd', custom_status: 'busy', custom_emoji: ':x:', activities: 'x' });
    expect(watching.frames.at(-1).d).toEqual({
      user_id: ALICE,
      status: 'dnd',
      custom_status: 'busy',
      custom_emoji: ':x:',
    });
    const own = await gateway.presence.own(alice.person.id);
    expect(own).toMatchObject({ mode: 'dnd', status: { text: 'busy', emoji: ':x:' } });
    expect(client.events).toEqual(['1 READY']);
  });

  it('invisible looks like going offline, and says no more', async () => {
    const watching = await gateway.connect().identify(bob.token);
    const client = await gateway.connect().identify(alice.token);
    await client.send(3, { status: 'invisible', custom_status: 'secret' });
    await client.send(3, { status: 'invisible', custom_status: 'more' });
    await client.send(40, { channel_id: '1' });
    expect(watching.events.slice(3)).toEqual([`4 ${ALICE} offline`]);
    expect(await gateway.mode(alice)).toBe('invisible');
  });

  it.each([[undefined], [null], [{}], [{ status: 'away' }], [{ status: 'idle', custom_status: 5 }]])(
    'is ignored, counted and noted when it is %j',
    async (d) => {
      const client = await gateway.connect().identify(alice.token);
      await client.send(3, d);
      expect([client.socket.closed, await gateway.mode(alice)]).toEqual([null, 'online']);
      expect(gateway.counted.invalidPresences).toBe(1);
      expect(logged).toMatchObject([{ level: 30, msg: 'ignored a wrong presence update' }]);
    },
  );

  it('leaves what the client wrote out of the log, and no trace of who is not seen', async () => {
    const client = await gateway.connect().identify(alice.token);
    await client.send(3, { status: 'secret', custom_status: 'secret' });
    expect(JSON.stringify(logged)).not.toContain('secret');
    await gateway.say(alice, 'invisible');
    await client.send(3, { status: 'away' });
    expect(logged.map(({ level }) => level)).toEqual([30, 20]);
  });

  it('is metered with all other writes of hers', async () => {
    await start({ writes: { burst: 2, perSecond: 1 } });
    const client = await gateway.connect().identify(alice.token);
    for (const status of ['idle', 'dnd', 'online']) await client.send(3, { status });
    expect(client.socket.closed).toEqual({ code: 4008, reason: 'Rate limited' });
    expect(await gateway.mode(alice)).toBe('dnd');
  });

  it('that could not be stored is not passed over', async () => {
    const disk = failOnDemand(new MemoryStore(), new Error('disk full'));
    await start({ store: disk.store });
    const client = await gateway.connect().identify(alice.token);
    disk.broken = true;
    await client.send(3, { status: 'idle' });
    expect(client.socket.closed?.code).toBe(4000);
    expect(logged.map(({ level }) => level)).toEqual([50, 40]);
  });
});

describe('frames that come faster than they are dealt with', () => {
  it('stop the reading, and are dealt with in order', async () => {
    const client = gateway.connect();
    const { connection, socket } = client;
    const say = (op: number, d: unknown) => connection.receive(Buffer.from(JSON.stringify({ op, d })), false);
    say(2, { token: alice.token });
    expect(socket.paused).toBe(false);
    say(3, { status: 'dnd' });
    say(1, null);
    expect(socket.paused).toBe(true);
    await connection.settled();
    expect(socket.paused).toBe(false);
    expect(client.frames.map(({ op }) => op)).toEqual([10, 0, 11]);
    expect(await gateway.mode(alice)).toBe('dnd');
  });
});

describe('a client that reads too slowly', () => {
  it('is let go with a code that lets it come back, and misses nothing then', async () => {
    const client = await gateway.connect().identify(bob.token);
    client.socket.bufferedAmount = gateway.context.gateway.outboxLimit;
    await gateway.say(alice, 'online');
    expect(client.socket.closed).toBeNull();
    client.socket.bufferedAmount++;
    await gateway.say(alice, 'idle');
    await gateway.say(alice, 'dnd');
    expect(client.socket.closed).toEqual({ code: 4000, reason: 'Unknown error' });
    expect(client.events.at(-1)).toBe(`4 ${ALICE} idle`);
    expect(gateway.counted.slowClosed).toBe(1);
    const back = await gateway.connect().resume(bob.token, client.sessionId, 3);
    expect(back.events.slice(1)).toEqual([`4 ${ALICE} idle`, `5 ${ALICE} dnd`]);
  });
});

describe('a change of tokens', () => {
  const reverify = async (...clients: ReturnType<Gateway['connect']>[]) => {
    for (const { connection } of clients) connection.reverify();
    await Promise.all(clients.map(({ connection }) => connection.settled()));
  };

  it('ends the connections of a token that is revoked, for good', async () => {
    const clients = [
      await gateway.connect().identify(alice.token),
      await gateway.connect().identify(bob.token),
      gateway.connect(),
    ];
    await gateway.tokens.revoke(alice.person.id);
    await reverify(...clients);
    expect(clients.map(({ socket }) => socket.closed?.code)).toEqual([4004, undefined, undefined]);
    const fresh = await gateway.tokens.issue(alice.person.id, gateway.context.network.name, (s) => `7.${s}`);
    const back = await gateway.connect().resume(fresh.token, clients[0]!.sessionId, 1);
    expect(back.frames.at(-1)).toEqual({ op: 9, d: false });
    await gateway.pass(30_000);
    expect(await gateway.mode(alice)).toBe('offline');
  });

  it('makes connections of a token that speaks for another now connect again', async () => {
    const client = await gateway.connect().identify(bob.token);
    const gate = { admit: () => Promise.resolve({ person: alice.person.id }) };
    Object.assign(gateway.context.gate, gate);
    await reverify(client);
    expect(client.socket.closed?.code).toBe(4009);
    const back = await gateway.connect().resume(bob.token, client.sessionId, 1);
    expect(back.frames.at(-1)).toEqual({ op: 9, d: false });
  });

  it('that cannot be looked into ends a connection, but not its session', async () => {
    const client = await gateway.connect().identify(bob.token);
    const { gate } = gateway.context;
    const admit = gate.admit.bind(gate);
    gate.admit = () => Promise.reject(new Error('store away'));
    await reverify(client);
    expect(client.socket.closed?.code).toBe(4000);
    gate.admit = admit;
    const back = await gateway.connect().resume(bob.token, client.sessionId, 2);
    expect(back.events).toEqual(['2 RESUMED']);
  });
});
