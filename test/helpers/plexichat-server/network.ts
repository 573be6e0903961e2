import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';

export interface Handlers {
  request(request: IncomingMessage, response: ServerResponse): Promise<void>;
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
}

/** The port: listens, stops, listens again on the same one, and can fall silent. */
export class Network {
  readonly #handlers: Handlers;
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;
  #port = 0;
  /** What waits for the end of the silence; null while there is none. */
  #waiting: (() => void)[] | null = null;

  constructor(handlers: Handlers) {
    this.#handlers = handlers;
  }

  get port(): number {
    return this.#port;
  }

  async listen(): Promise<void> {
    if (this.#server) return;
    const server = createServer((request, response) =>
      this.#whenSpeaking(() => void this.#handlers.request(request, response)),
    );
    this.#server = server;
    server.on('upgrade', (request, socket, head: Buffer) => {
      socket.on('error', () => undefined);
      this.#whenSpeaking(() => this.#handlers.upgrade(request, socket, head));
    });
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
  }

  /** New connections are refused, and those of REST end; sockets of the gateway stay. */
  stop(): void {
    this.#server?.close();
    this.#server?.closeAllConnections();
    this.#server = null;
  }

  /** Destroys every connection without a word. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  fallSilent(): void {
    this.#waiting ??= [];
  }

  speak(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    for (const task of waiting) task();
  }

  #whenSpeaking(task: () => void): void {
    if (this.#waiting) this.#waiting.push(task);
    else task();
  }
}
