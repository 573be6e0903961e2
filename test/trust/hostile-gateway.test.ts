import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { RunningBridge, TwoAccounts } from '../helpers/process.ts';
import { makePerson, runBridge } from '../helpers/process.ts';
import { memoryOf } from './memory.ts';
import { collect, DEADLINE, dial, exchange } from './raw-client.ts';

/** `HALF_OPEN=10000 npm test` for as many sockets as that; their number must be allowed by `ulimit -n`. */
const HALF_OPEN = Number(process.env['HALF_OPEN'] ?? 500);
/** What a bomb of 64 KiB would inflate to, bytes, and how many are thrown: 3 GB in all. */
const BOMB = 60 * 1024 * 1024;
const BOMBS = 50;
/** How much more memory the process may take for all that, bytes. */
const MEMORY = 200 * 1024 * 1024;
const DECODE_ERROR = 4002;
const IDS = { plexichat: '175928847299117063', matrix: '@una:localhost' };

let data: string;
let bridge: RunningBridge;
let tokens: TwoAccounts;

beforeAll(async () => {
  data = await mkdtemp(join(tmpdir(), 'plexibridge-hostile-'));
  bridge = await runBridge(data, { PLEXIBRIDGE__LOG__LEVEL: 'trace' });
  tokens = await makePerson(bridge, IDS);
});

afterAll(async () => {
  expect(await identified(tokens.plexichat)).toBe('READY');
  expect(await bridge.end('SIGTERM')).toBe(0);
  const logged = bridge.output.join('\n');
  expect(logged).not.toContain(tokens.plexichat);
  expect(bridge.output.filter((line) => /"level":(5|6)0/.test(line))).toEqual([]);
  await rm(data, { recursive: true, force: true });
});

async function connected(): Promise<WebSocket> {
  const socket = new WebSocket(`${bridge.url.replace('http', 'ws')}/gateway`);
  socket.on('error', () => undefined);
  await once(socket, 'message');
  return socket;
}

async function closeCode(socket: WebSocket): Promise<number> {
  const [code] = (await once(socket, 'close', { signal: AbortSignal.timeout(DEADLINE) })) as [number];
  return code;
}

/** `READY`, or the code that closed the socket. */
async function identified(token: unknown): Promise<unknown> {
  const socket = await connected();
  socket.send(JSON.stringify({ op: 2, d: { token, intents: 256 } }));
  const ready = once(socket, 'message').then(([message]) => JSON.parse(String(message)).t as string);
  const answer = await Promise.race([ready, closeCode(socket)]);
  socket.terminate();
  return answer;
}

describe('frames', () => {
  it('that are zlib bombs end their socket unread', async () => {
    const bomb = deflateSync(Buffer.alloc(BOMB, ' '));
    expect(bomb.length).toBeLessThan(65_536);
    const before = memoryOf(bridge.child.pid);
    for (let i = 0; i < BOMBS; i++) {
      const socket = await connected();
      socket.send(bomb);
      expect(await closeCode(socket)).toBe(DECODE_ERROR);
    }
    expect(memoryOf(bridge.child.pid, 'peak') - before).toBeLessThan(MEMORY);
  });

  it.each<[string, (socket: WebSocket) => void]>([
    ['too long', (socket) => socket.send('x'.repeat(65_537))],
    [
      'without an end',
      (socket) => {
        for (let i = 0; i < 70; i++) socket.send(' '.repeat(1000), { fin: false });
      },
    ],
    ['deep', (socket) => socket.send('['.repeat(65_536))],
    ['deep and whole', (socket) => socket.send('['.repeat(32_768) + ']'.repeat(32_768))],
    ['no UTF-8', (socket) => socket.send(Buffer.from([0x7b, 0xff, 0x7d]))],
    ['a broken zlib stream', (socket) => socket.send(Buffer.from([0x78, 0x9c, 1, 2, 3]))],
    ['no object', (socket) => socket.send('"__proto__"')],
    ['without an opcode of its own', (socket) => socket.send('{"__proto__":{"op":2}}')],
  ])('that are %s end it, too', async (_name, attack) => {
    const socket = await connected();
    const closed = closeCode(socket);
    attack(socket);
    expect(await closed).toBe(DECODE_ERROR);
  });

  it('that hide depth in what is not read do no harm', async () => {
    const socket = await connected();
    const depth = 30_000;
    socket.send(`{"op":1,"d":${'['.repeat(depth)}${']'.repeat(depth)}}`);
    const [ack] = await once(socket, 'message');
    expect(JSON.parse(String(ack))).toEqual({ op: 11 });
    socket.send(`{"op":2,"d":{"token":${'['.repeat(depth)}${']'.repeat(depth)}}}`);
    expect(await closeCode(socket)).toBe(4004);
  });

  it('below WebSocket are refused by it', async () => {
    const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13';
    const upgrade = `GET /gateway HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${key}\r\n\r\n`;
    for (const frame of [
      [0x81, 0x02, 0x7b, 0x7d], // Not masked.
      [0xc1, 0x80, 0, 0, 0, 0], // A reserved bit.
      [0x83, 0x80, 0, 0, 0, 0], // A reserved opcode.
      [0x89, 0xfe, 0x01, 0x00, 0, 0, 0, 0], // A ping of 256 bytes.
      [0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0], // 2^63 bytes, it says.
    ]) {
      const socket = await dial(bridge.url);
      const ended = collect(socket);
      socket.write(upgrade);
      await once(socket, 'data');
      socket.write(Buffer.from(frame));
      await ended;
    }
  });
});

describe('sockets', () => {
  it.each(['/gateway/', '/gateway%2f', '/gateway/../api', '//gateway', '/Gateway', '/gateway;a', '/api/v1'])(
    'are opened at /gateway only, not at %s',
    async (path) => {
      const lines = ['Host: x', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'];
      const head = [`GET ${path} HTTP/1.1`, ...lines, 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='];
      const replies = await exchange(bridge.url, `${head.join('\r\n')}\r\n\r\n`);
      expect(replies.map(({ status }) => status)).toEqual([403]);
    },
  );

  it(`that never say who they are: ${HALF_OPEN} keep nobody else out`, async () => {
    const sockets: WebSocket[] = [];
    for (let i = 0; i < HALF_OPEN; i++) sockets.push(await connected());
    expect(await identified(tokens.plexichat)).toBe('READY');
    const path = `/api/v1/users/${IDS.plexichat}/presence`;
    expect((await bridge.call('GET', path, tokens.plexichat)).status).toBe(200);
    for (const socket of sockets) socket.terminate();
  });

  it('that guess tokens learn nothing, and keep out nobody of the same address', async () => {
    for (let i = 0; i < 30; i++) {
      expect(await identified(`${IDS.plexichat}.${String(i).padStart(43, 'A')}`)).toBe(4004);
    }
    expect(await identified(['__proto__'])).toBe(4004);
    expect(await identified(tokens.plexichat)).toBe('READY');
  });
});
