import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { createInflate, deflateSync } from 'node:zlib';
import type { Inflate } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { settled } from '../../../helpers/settled.ts';
import type { PlexichatApp } from '../plexichat-app.ts';
import { ALICE, BOB, makeApp } from '../plexichat-app.ts';

let app: PlexichatApp;
let port: number;
let clients: Client[];

/** A plain client of the gateway on a real socket. */
class Client {
  readonly socket: WebSocket;
  readonly closed: Promise<[code: number, reason: string]>;
  /** The bytes of each frame, null for a text. */
  readonly binaries: (Buffer | null)[] = [];
  readonly #frames: any[] = [];
  readonly #inflate: Inflate = createInflate();
  #taken = 0;

  constructor(path = '/gateway', options: object = {}) {
    this.socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, options);
    this.socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      this.socket.on('close', (code, reason) => resolve([code, String(reason)]));
    });
    let inflated: Buffer[] = [];
    this.#inflate.on('data', (chunk: Buffer) => inflated.push(chunk));
    this.socket.on('message', (data: Buffer, isBinary) => {
      this.binaries.push(isBinary ? data : null);
      if (!isBinary) {
        this.#take(String(data));
        return;
      }
      this.#inflate.write(data, () => {
        this.#take(String(Buffer.concat(inflated)));
        inflated = [];
      });
    });
    clients.push(this);
  }

  /** The next frame. */
  async next(): Promise<any> {
    while (this.#frames.length <= this.#taken) await once(this.#inflate, 'frame');
    return this.#frames[this.#taken++];
  }

  send(op: number, d: unknown): void {
    this.socket.send(JSON.stringify({ op, d }));
  }

  async identify(token: string, rest: object = {}): Promise<any> {
    await this.next();
    this.send(2, { token, intents: 256, ...rest });
    return this.next();
  }

  #take(text: string): void {
    this.#frames.push(JSON.parse(text));
    this.#inflate.emit('frame');
  }
}

beforeEach(async () => {
  clients = [];
  app = await makeApp();
  await app.app.listen({ host: '127.0.0.1', port: 0 });
  ({ port } = app.app.server.address() as AddressInfo);
  await app.contacts.change(app.bob.person.id, [{ network: 'plexichat' as never, id: ALICE }], []);
});

afterEach(async () => {
  for (const { socket } of clients) socket.terminate();
  await app.app.close();
});

describe('the gateway on a real socket', () => {
  it('says hello, identifies, tells presences and answers heartbeats', async () => {
    const bob = new Client('/gateway?v=10&encoding=json');
    const ready = await bob.identify(app.bob.token);
    expect(ready).toMatchObject({ op: 0, t: 'READY', s: 1, d: { user: { id: BOB } } });
    expect(ready.d.resume_gateway_url).toBe(`ws://127.0.0.1:${port}/gateway`);
    expect(await bob.next()).toMatchObject({ t: 'PRESENCE_UPDATE', s: 2, d: { status: 'offline' } });

    const alice = new Client();
    await alice.identify(app.alice.token);
    expect(await bob.next()).toMatchObject({ s: 3, d: { user_id: ALICE, status: 'online' } });
    alice.send(3, { status: 'dnd', custom_status: 'busy' });
    expect(await bob.next()).toMatchObject({ s: 4, d: { status: 'dnd', custom_status: 'busy' } });
    await app.put(app.alice.token, { status: 'idle', custom_emoji: ':z:' });
    expect((await bob.next()).d).toEqual({
      user_id: ALICE,
      status: 'idle',
      custom_status: 'busy',
      custom_emoji: ':z:',
    });
    await app.elsewhere(app.alice, 'chat');
    expect(await bob.next()).toMatchObject({ s: 6, d: { status: 'online' } });
    bob.send(1, 6);
    expect(await bob.next()).toEqual({ op: 11 });
  });

  it('names itself by the scheme that a proxy serves', async () => {
    const client = new Client('/gateway', {
      headers: { 'x-forwarded-proto': 'https', host: 'chat.example' },
    });
    const { d } = await client.identify(app.bob.token);
    expect(d.resume_gateway_url).toBe('wss://chat.example/gateway');
  });

  it('compresses into one continuing stream, and takes compressed messages', async () => {
    const client = new Client();
    await client.identify(app.bob.token, { compress: true });
    await client.next();
    client.socket.send(deflateSync('{"op":1}'));
    expect(await client.next()).toEqual({ op: 11 });
    client.socket.send(Buffer.from('{"op":1}'));
    expect(await client.next()).toEqual({ op: 11 });
    for (let i = 0; i < 100; i++) {
      // Longer than what one frame may refer back to, and of all kinds of text.
      const text = `${i} ${String.fromCodePoint(0x1f300 + i).repeat(i)}`;
      await app.put(app.alice.token, { status: 'online', custom_status: text });
      expect((await client.next()).d.custom_status).toBe(text);
    }
    expect(client.binaries[0]).toBeNull();
    const [first, ...others] = client.binaries.slice(1).map((frame) => frame!);
    expect(first!.subarray(0, 2).toString('hex')).toBe('789c');
    for (const frame of [first!, ...others]) expect(frame.subarray(-4).toString('hex')).toBe('0000ffff');
    expect(Math.max(...others.slice(-50).map(({ length }) => length))).toBeLessThan(120);
  });

  it('does not negotiate permessage-deflate', async () => {
    const client = new Client('/gateway', { perMessageDeflate: true });
    await client.next();
    expect(client.socket.extensions).toBe('');
  });

  it.each([
    ['malformed text', '{"op":'],
    ['text that is no UTF-8', { text: Buffer.from('{"op":1,"d":"\xff"}', 'latin1') }],
    ['bytes that say nothing', Buffer.from([0, 1, 2])],
    ['one byte too much', JSON.stringify({ op: 1, d: 'x'.repeat(65_537 - 15) })],
    ['far too much', Buffer.alloc(3_000_000, 0x20)],
    ['a bomb', deflateSync(Buffer.alloc(300_000, 0x20))],
  ])('closes with 4002 for %s', async (_name, message) => {
    const client = new Client();
    await client.next();
    if (typeof message === 'object' && 'text' in message) client.socket.send(message.text, { binary: false });
    else client.socket.send(message);
    expect(await client.closed).toEqual([4002, 'Decode error']);
  });

  it('takes a message of just 64 KiB', async () => {
    const client = new Client();
    await client.next();
    client.socket.send(JSON.stringify({ op: 1, d: 'x'.repeat(65_536 - 15) }));
    expect(await client.next()).toEqual({ op: 11 });
  });

  it('closes with 4009 when nothing is heard', async () => {
    const client = new Client();
    await client.next();
    app.clock.advance(90_000);
    expect(await client.closed).toEqual([4009, 'Session timed out']);
  });

  it('resumes after the line was cut', async () => {
    const client = new Client();
    const { d } = await client.identify(app.bob.token);
    await client.next();
    client.socket.terminate();
    await client.closed;
    await app.put(app.alice.token, { status: 'dnd' });
    const back = new Client();
    await back.next();
    back.send(6, { token: app.bob.token, session_id: d.session_id, seq: 2 });
    expect(await back.next()).toEqual({ op: 0, t: 'RESUMED', s: 3, d: {} });
    expect(await back.next()).toMatchObject({ s: 3, d: { user_id: ALICE, status: 'dnd' } });
  });

  it.each(['close', 'terminate'] as const)('ends a presence after the grace upon %s', async (how) => {
    const client = new Client();
    await client.identify(app.alice.token);
    client.socket[how]();
    await client.closed;
    await settled();
    app.clock.advance(30_000);
    expect((await app.presence.own(app.alice.person.id)).mode).toBe('offline');
  });

  it('closes a connection whose token is revoked', async () => {
    const client = new Client();
    await client.identify(app.bob.token);
    await app.tokens.revoke(app.alice.person.id);
    client.send(1, null);
    expect(await client.next()).toMatchObject({ t: 'PRESENCE_UPDATE' });
    expect(await client.next()).toEqual({ op: 11 });
    await app.tokens.revoke(app.bob.person.id);
    expect(await client.closed).toEqual([4004, 'Authentication failed']);
  });

  it('closes with the server, and leaves the leases to run', async () => {
    const [waiting, identified] = [new Client(), new Client()];
    await waiting.next();
    await identified.identify(app.alice.token);
    await app.app.close();
    const restart = [1012, 'Service restart'];
    expect(await Promise.all([waiting.closed, identified.closed])).toEqual([restart, restart]);
    app.clock.advance(164_999);
    await settled();
    expect((await app.presence.own(app.alice.person.id)).mode).toBe('online');
    app.clock.advance(1);
    expect((await app.presence.own(app.alice.person.id)).mode).toBe('offline');
  });
});

describe('other upgrades', () => {
  it.each(['/', '/gateway/', '/api/v1/gateway', '/%67ateway', '/gateway%3F'])(
    'at %s get 403',
    async (path) => {
      const client = new Client(path);
      const [, response] = await once(client.socket, 'unexpected-response');
      expect(response.statusCode).toBe(403);
    },
  );

  it('that are cut off at once do no harm', async () => {
    for (const path of ['/gateway', '/other']) {
      const socket = connect(port, '127.0.0.1');
      await once(socket, 'connect');
      socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n`);
      socket.resetAndDestroy();
    }
    expect(await new Client().next()).toMatchObject({ op: 10 });
  });
});
