import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import type { GatewayEvent, Hub } from '../presence.ts';
import { Connection } from './connection.ts';
import type { GatewayContext } from './context.ts';

const MAX_PAYLOAD = 16 * 1024 * 1024;

/** All connections, and the sessions that they serve. */
export class Gateway implements Hub {
  readonly #context: GatewayContext;
  readonly #sockets = new WebSocketServer({
    noServer: true,
    maxPayload: MAX_PAYLOAD,
    perMessageDeflate: true,
  });

  constructor(context: GatewayContext) {
    this.#context = context;
  }

  /** Any query and any origin will do; the path must be exact. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const path = (request.url ?? '').replace(/\?.*$/s, '');
    if (path !== '/gateway') {
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
      return;
    }
    const address = request.socket.remoteAddress ?? '';
    this.#sockets.handleUpgrade(request, socket, head, (ws) => {
      new Connection(this.#context, ws, address);
      this.#context.activity();
    });
  }

  dispatch(userId: string, event: GatewayEvent): void {
    for (const session of this.#context.sessions.values()) {
      if (session.userId !== userId || !session.wants(event)) continue;
      if (event.type === 'PRESENCE_UPDATE' && this.#context.faults.takeEvent()) continue;
      session.deliver(event);
    }
  }

  connectionsOf(userId: string): number {
    return [...this.#context.connections].filter(({ session }) => session?.userId === userId).length;
  }

  /** The process ended; only the cache server of the newer version remembers sessions. */
  forgetSessions(): void {
    const { cacheServer, dialect } = this.#context.settings;
    if (!cacheServer || dialect.seqFromClient) this.#context.sessions.clear();
  }
}
