/* What fan-out is held against: the `ws` library, one `send` of a text for every event and socket. */
import type { AddressInfo } from 'node:net';
import { WebSocketServer } from 'ws';
import { serveCommands } from './commands.ts';

let server: WebSocketServer | null = null;

async function start(): Promise<number> {
  const made = new WebSocketServer({ port: 0, host: '127.0.0.1', perMessageDeflate: false, backlog: 4096 });
  server = made;
  await new Promise((resolve) => made.once('listening', resolve));
  return (made.address() as AddressInfo).port;
}

function send({ text, events }: { text: string; events: number }): void {
  for (let event = 0; event < events; event++) {
    for (const client of server?.clients ?? []) client.send(text);
  }
}

serveCommands({ start, send });
