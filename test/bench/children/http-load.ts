/*
 * Asks an HTTP server over keep-alive connections, each with one request under way at a time. On raw sockets: a client library
 * would cost more than the servers that are compared, and none is measured here.
 */
import type { Socket } from 'node:net';
import { connect } from 'node:net';
import { performance } from 'node:perf_hooks';
import { serveCommands } from './commands.ts';

/** `{n}` in a request stands for a random number below `people`, of ten digits. */
interface Load {
  readonly port: number;
  readonly connections: number;
  /** Whole requests; connection i sends the i-th of them, or they take turns where there are fewer. */
  readonly requests: readonly string[];
  readonly people: number;
  readonly ms: number;
  /** Time between an answer and the next request, ms. */
  readonly pause?: number;
}

const HEAD_END = '\r\n\r\n';

function run({ port, connections, requests, people, ms, pause = 0 }: Load): Promise<unknown> {
  const latencies: number[] = [];
  const sockets: Socket[] = [];
  let failures = 0;
  let example = '';
  const until = performance.now() + ms;
  const began = performance.now();
  return new Promise((resolve, reject) => {
    let open = connections;
    const finish = () => {
      if (--open > 0) return;
      for (const socket of sockets) socket.destroy();
      latencies.sort((a, b) => a - b);
      const at = (part: number) => latencies[Math.floor(latencies.length * part)] ?? NaN;
      const seconds = (performance.now() - began) / 1000;
      resolve({ count: latencies.length, failures, example, seconds, p50: at(0.5), p99: at(0.99) });
    };
    for (let i = 0; i < connections; i++) {
      const pieces = (requests[i % requests.length] ?? '').split('{n}');
      const socket = connect(port, '127.0.0.1');
      sockets.push(socket);
      let asked = 0;
      let answer = '';
      const ask = () => {
        asked = performance.now();
        socket.write(pieces.join(numberBelow(people)));
      };
      socket.setNoDelay(true).setEncoding('latin1');
      socket.on('connect', ask).on('error', reject);
      socket.on('data', (text: string) => {
        answer = answer === '' ? text : answer + text;
        if (!isWhole(answer)) return;
        if (!answer.startsWith('HTTP/1.1 200')) {
          failures++;
          example ||= answer.slice(0, 400);
        }
        answer = '';
        const now = performance.now();
        latencies.push(now - asked);
        if (now >= until) finish();
        else if (pause > 0) setTimeout(ask, pause);
        else ask();
      });
    }
  });
}

function isWhole(answer: string): boolean {
  const end = answer.indexOf(HEAD_END);
  if (end < 0) return false;
  const length = Number(/\r\ncontent-length: (\d+)/i.exec(answer.slice(0, end + 2))?.[1]);
  return answer.length >= end + HEAD_END.length + length;
}

function numberBelow(limit: number): string {
  return String(Math.floor(Math.random() * limit)).padStart(10, '0');
}

serveCommands({ run });
