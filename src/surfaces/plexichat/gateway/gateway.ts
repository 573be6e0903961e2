import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { WebSocket, WebSocketServer } from 'ws';
import { CLOSES } from '../../../protocols/plexichat/close-codes.ts';
import { MAX_MESSAGE_BYTES } from '../../../protocols/plexichat/frames.ts';
import type { PlexichatContext } from '../context.ts';
import { Connection } from './connection.ts';
import { PresenceEncoder } from './contact-feed.ts';
import { gatewayCounters } from './counters.ts';
import { FrameSocket } from './frame-socket.ts';
import type { GatewayContext, Origin } from './peer.ts';
import { Sessions } from './sessions.ts';
import { Turns } from './turns.ts';

const PATH = '/gateway';
const LIMITS = {
  maxPayload: MAX_MESSAGE_BYTES,
  /** How long a client may take to answer a close, ms. */
  closeTimeout: 5000,
};
/** What WebSocket says of a message that is too big. */
const TOO_BIG = 1009;

/** Serves the Plexichat gateway on the HTTP server of `app`, and closes with it. */
export function serveGateway(app: FastifyInstance, context: PlexichatContext): void {
  const gateway = new Gateway({
    ...context,
    sessions: new Sessions({ ...context, log: app.log }),
    encoder: new PresenceEncoder(context.network),
    counters: gatewayCounters(context.metrics),
    log: app.log,
  });
  app.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    gateway.upgrade(request, socket, head);
  });
  app.addHook('preClose', () => gateway[Symbol.asyncDispose]());
}

/** Answers an oversized message with the gateway's own code (Plexichat gateway: close codes). */
class GatewaySocket extends WebSocket {
  override close(code?: number, reason?: string | Buffer): void {
    const { code: decodeError, reason: words } = CLOSES.decode_error;
    if (code === TOO_BIG) super.close(decodeError, words);
    else super.close(code, reason);
  }
}

class Gateway implements AsyncDisposable {
  readonly #context: GatewayContext;
  readonly #connections = new Set<Connection>();
  readonly #turns = new Turns();
  readonly #unsubscribe: () => void;
  readonly #server = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    perMessageDeflate: false,
    ...LIMITS,
    // Frames are decoded strictly where they are parsed, which has a close code for it.
    skipUTF8Validation: true,
    WebSocket: GatewaySocket,
  });

  constructor(context: GatewayContext) {
    this.#context = context;
    this.#unsubscribe = context.tokenChanges.subscribe(() => {
      for (const connection of this.#connections) connection.reverify();
    });
  }

  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on('error', () => socket.destroy());
    if (request.url?.split('?', 1)[0] !== PATH) {
      socket.once('finish', () => socket.destroy());
      socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) => {
      this.#connect(webSocket, socket, originOf(request));
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#unsubscribe();
    this.#server.close();
    this.#context.sessions[Symbol.dispose]();
    const connections = [...this.#connections];
    for (const connection of connections) connection.end('service_restart');
    await Promise.all(connections.map((connection) => connection.settled()));
  }

  #connect(socket: WebSocket, stream: Duplex, origin: Origin): void {
    const frames = new FrameSocket(socket, stream, this.#turns);
    const connection = new Connection(frames, origin, this.#context);
    this.#connections.add(connection);
    socket.on('message', (message, isBinary) => {
      if (Buffer.isBuffer(message)) connection.receive(message, isBinary);
    });
    // Whatever is wrong with the socket closes it.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#connections.delete(connection);
      connection.gone();
    });
  }
}

function originOf({ headers, socket }: IncomingMessage): Origin {
  const scheme = headers['x-forwarded-proto'] === 'https' ? 'wss' : 'ws';
  return { ip: socket.remoteAddress ?? '', url: `${scheme}://${headers.host}${PATH}` };
}
