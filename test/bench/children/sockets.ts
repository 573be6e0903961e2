/*
 * A crowd on the gateway: connects, identifies, and counts the presences it is told. On raw sockets, so that the last of ten
 * thousand is not kept waiting by what the others' clients do.
 */
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { performance } from 'node:perf_hooks';
import { serveCommands } from './commands.ts';

const AT_ONCE = 100;
const UPGRADE =
  'GET /gateway HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\n' +
  'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n';
/** The first letter of the event's name, in a frame such as `{"op":0,"t":"PRESENCE_UPDATE",…`. */
const LETTER_AT = 13;
const PRESENCE = 'P'.charCodeAt(0);
const READY = 'R'.charCodeAt(0);

const sockets: Socket[] = [];
/** Presences that each has had since `arm`. */
let had: Uint32Array = new Uint32Array(0);
let wanted = 0;
let left = 0;
let lastAt = 0;
let done: () => void = () => undefined;
let finished: Promise<void> = Promise.resolve();

/** Adds clients until there are `count`; with tokens they identify, in turns. */
async function open({ port, count, tokens }: { port: number; count: number; tokens: readonly string[] }) {
  while (sockets.length < count) {
    const from = sockets.length;
    const to = Math.min(count, from + AT_ONCE);
    await Promise.all(
      Array.from({ length: to - from }, (_, i) => join(port, from + i, tokens[(from + i) % tokens.length])),
    );
  }
  had = new Uint32Array(count);
}

async function join(port: number, index: number, token: string | undefined): Promise<void> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true);
  sockets[index] = socket;
  return new Promise((resolve, reject) => {
    let rest: Buffer | null = null;
    let upgraded = false;
    socket.on('error', reject).on('close', () => {
      console.error(`socket ${index} was closed`);
      process.exit(1);
    });
    socket.write(UPGRADE);
    socket.on('data', (chunk) => {
      let data: Buffer = rest === null ? chunk : Buffer.concat([rest, chunk]);
      if (!upgraded) {
        const end = data.indexOf('\r\n\r\n');
        if (end < 0) return void (rest = data);
        upgraded = true;
        data = data.subarray(end + 4);
        if (token === undefined) resolve();
        else socket.write(clientFrame({ op: 2, d: { token, intents: 256 } }));
      }
      rest = takeFrames(data, (letter) => {
        if (letter === READY) resolve();
        if (letter === PRESENCE) count(index);
      });
    });
  });
}

/** Calls `each` with what tells the kind of every whole frame; the result is what is left. */
function takeFrames(data: Buffer, each: (letter: number | undefined) => void): Buffer | null {
  let at = 0;
  while (data.length - at >= 2) {
    const short = (data[at + 1] ?? 0) & 0x7f;
    const head = short === 126 ? 4 : 2;
    if (data.length - at < head) break;
    const length = short === 126 ? data.readUInt16BE(at + 2) : short;
    if (data.length - at < head + length) break;
    each(length > LETTER_AT ? data[at + head + LETTER_AT] : undefined);
    at += head + length;
  }
  return at === data.length ? null : data.subarray(at);
}

function count(index: number): void {
  const now = (had[index] ?? 0) + 1;
  had[index] = now;
  if (now !== wanted) return;
  lastAt = performance.timeOrigin + performance.now();
  if (--left === 0) done();
}

/** From now on each is to have so many. */
function arm({ frames }: { frames: number }): void {
  had.fill(0);
  wanted = frames;
  left = sockets.length;
  finished = new Promise((resolve) => (done = resolve));
}

/** When the last had all of it, ms since 1970. */
async function last(): Promise<number> {
  await finished;
  return lastAt;
}

/** Without it the bridge would let them go in time. */
function beat(): void {
  const frame = clientFrame({ op: 1, d: null });
  for (const socket of sockets) socket.write(frame);
}

/** A client has to mask what it sends; a mask of zeros changes nothing. */
function clientFrame(value: object): Buffer {
  const text = Buffer.from(JSON.stringify(value));
  const head =
    text.length < 126
      ? Buffer.from([0x81, 0x80 | text.length])
      : Buffer.from([0x81, 0x80 | 126, text.length >> 8, text.length & 0xff]);
  return Buffer.concat([head, Buffer.alloc(4), text]);
}

serveCommands({ open, arm, last, beat });
