/* A crowd that polls: each asks again as soon as it is answered. On raw sockets, as `http-load` is. */
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { performance } from 'node:perf_hooks';
import { serveCommands } from './commands.ts';

const AT_ONCE = 100;
/** Longer than the benchmark takes, ms. */
const TIMEOUT = 600_000;
const HEAD_END = '\r\n\r\n';

let left = 0;
let crowd = 0;
let example = '';
let lastAt = 0;
let done: () => void = () => undefined;
let finished: Promise<void> = Promise.resolve();

interface Polling {
  readonly port: number;
  readonly count: number;
  readonly tokens: readonly string[];
  /** Where they go on from; without it they ask. */
  readonly since?: string;
}

/** Resolves once all of them wait. */
async function open({ port, count, tokens, since }: Polling): Promise<void> {
  crowd = count;
  for (let from = 0; from < count; from += AT_ONCE) {
    const to = Math.min(count, from + AT_ONCE);
    await Promise.all(
      Array.from({ length: to - from }, (_, i) =>
        join(port, tokens[(from + i) % tokens.length] ?? '', since),
      ),
    );
  }
}

async function join(port: number, token: string, since: string | undefined): Promise<void> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true).setEncoding('latin1');
  return new Promise((resolve, reject) => {
    socket.on('error', reject).on('close', () => {
      console.error('a poll was closed');
      process.exit(1);
    });
    let waits = false;
    let answer = '';
    const wait = (next: string) => {
      waits = true;
      ask(socket, token, `?timeout=${TIMEOUT}&since=${next}`);
      resolve();
    };
    socket.on('data', (text: unknown) => {
      answer += String(text);
      const body = bodyOf(answer);
      if (body === null) return;
      if (!answer.startsWith('HTTP/1.1 200')) reject(new Error(answer));
      answer = '';
      const next = /"next_batch":"([^"]*)"/.exec(body)?.[1] ?? '';
      if (waits) answered(body);
      wait(next);
    });
    if (since === undefined) ask(socket, token, '');
    else wait(since);
  });
}

function ask(socket: Socket, token: string, query: string): void {
  const path = `/_matrix/client/v3/sync${query}`;
  socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\n\r\n`);
}

function bodyOf(answer: string): string | null {
  const end = answer.indexOf(HEAD_END);
  if (end < 0) return null;
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(answer.slice(0, end + 2))?.[1]);
  const body = answer.slice(end + HEAD_END.length);
  return body.length >= length ? body : null;
}

function answered(body: string): void {
  example = body;
  lastAt = performance.timeOrigin + performance.now();
  if (--left === 0) done();
}

/** From now on each is to be answered once. */
function arm(): void {
  left = crowd;
  finished = new Promise((resolve) => (done = resolve));
}

/** When the last was answered, ms since 1970, and an answer. */
async function last(): Promise<{ at: number; example: string }> {
  await finished;
  return { at: lastAt, example };
}

serveCommands({ open, arm, last });
