import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { FrameSocket } from '../../../../src/surfaces/plexichat/gateway/frame-socket.ts';
import type { Flushed } from '../../../../src/surfaces/plexichat/gateway/turns.ts';
import { Turns } from '../../../../src/surfaces/plexichat/gateway/turns.ts';

interface Pair extends AsyncDisposable {
  readonly socket: FrameSocket;
  /** What was written to the stream. */
  readonly writes: Buffer[];
  readonly client: WebSocket;
  readonly stream: Duplex;
  readonly heard: (string | Buffer)[];
}

let pair: Pair | null = null;
afterEach(() => pair?.[Symbol.asyncDispose]());

/** A frame socket, and an ordinary client at the other end. */
async function connect(): Promise<Pair> {
  const server = createServer().listen(0, '127.0.0.1');
  const webSockets = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  const writes: Buffer[] = [];
  const made = new Promise<[FrameSocket, Duplex]>((resolve) => {
    server.on('upgrade', (request, stream: Duplex, head) => {
      webSockets.handleUpgrade(request, stream, head, (webSocket) => {
        const write = stream.write.bind(stream) as (chunk: Buffer) => boolean;
        stream.write = (chunk: any) => {
          writes.push(chunk);
          return write(chunk);
        };
        resolve([new FrameSocket(webSocket, stream, new Turns()), stream]);
      });
    });
  });
  await once(server, 'listening');
  const client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const heard: (string | Buffer)[] = [];
  client.on('message', (data: Buffer, isBinary) => heard.push(isBinary ? data : data.toString()));
  const [[socket, stream]] = await Promise.all([made, once(client, 'open')]);
  return {
    socket,
    stream,
    writes,
    client,
    heard,
    [Symbol.asyncDispose]: async () => {
      client.terminate();
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

async function closed(client: WebSocket): Promise<number> {
  const [code] = await once(client, 'close');
  return code;
}

describe('a frame socket', () => {
  it('sends texts of every length, and bytes, as any client reads them', async () => {
    pair = await connect();
    const lengths = [0, 1, 125, 126, 127, 65_535, 65_536, 70_000];
    const texts = lengths.map((length) => 'x'.repeat(length));
    const sent = [...texts, '💻 grüße', Buffer.from([1, 2, 3]), 'the end'];
    for (const each of sent) pair.socket.send(each);
    pair.socket.close(1000, '');
    expect(await closed(pair.client)).toBe(1000);
    expect(pair.heard).toEqual(sent);
  });

  it('writes once for all that is sent in one turn', async () => {
    pair = await connect();
    const before = pair.writes.length;
    for (let i = 0; i < 50; i++) pair.socket.send(`event ${i}`);
    expect(pair.writes.length).toBe(before);
    while (pair.heard.length < 50) await once(pair.client, 'message');
    expect(pair.writes.length - before).toBe(1);
    pair.socket.send('event 50');
    pair.socket.send('event 51');
    pair.socket.flush();
    pair.socket.send('event 52');
    while (pair.heard.length < 53) await once(pair.client, 'message');
    expect(pair.heard).toEqual(Array.from({ length: 53 }, (_, i) => `event ${i}`));
  });

  it('counts what waits for the turn to end', async () => {
    pair = await connect();
    pair.socket.send('x'.repeat(1000));
    expect(pair.socket.bufferedAmount).toBeGreaterThanOrEqual(1000);
  });

  it('drops what waits once the client is gone', async () => {
    pair = await connect();
    pair.stream.destroy();
    pair.socket.send('too late');
    pair.socket.flush();
    expect(pair.socket.bufferedAmount).toBe(0);
  });
});

describe('turns', () => {
  it('flush everybody once and in order, a few hundred at a time', async () => {
    const turns = new Turns();
    const flushed: number[] = [];
    const all = Array.from({ length: 1000 }, (_, i): Flushed => ({ flush: () => flushed.push(i) }));
    for (const each of all) turns.add(each);
    expect(flushed).toEqual([]);
    await new Promise(setImmediate);
    expect(flushed.length).toBeGreaterThan(0);
    expect(flushed.length).toBeLessThan(1000);
    for (let turn = 0; turn < 10 && flushed.length < 1000; turn++) await new Promise(setImmediate);
    expect(flushed).toEqual(all.map((_, i) => i));
  });

  it('take whoever comes while they run', async () => {
    const turns = new Turns();
    const flushed: string[] = [];
    const late: Flushed = { flush: () => flushed.push('late') };
    const early: Flushed = {
      flush: () => {
        flushed.push('early');
        turns.add(late);
      },
    };
    turns.add(early);
    for (let turn = 0; turn < 3; turn++) await new Promise(setImmediate);
    expect(flushed).toEqual(['early', 'late']);
  });
});
