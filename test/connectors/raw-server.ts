import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { createServer as createTlsServer } from 'node:tls';

/** A server below HTTP, so that it can misbehave in every way. */
export interface RawServer extends AsyncDisposable {
  readonly port: number;
  readonly url: string;
  /** Connections made so far. */
  readonly sockets: readonly Socket[];
  /** Heads and bodies of requests as they came. */
  readonly requests: readonly string[];
}

/** Calls `answer` for each stretch of bytes that comes; `count` is how many came before, on any connection. */
export type Answer = (socket: Socket, request: string, count: number) => void;

/** Listens on a free port of loopback. With `tls` it speaks TLS. */
export async function rawServer(answer: Answer, tls?: TlsOptions): Promise<RawServer> {
  const sockets: Socket[] = [];
  const requests: string[] = [];
  const connected = (socket: Socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      requests.push(bytes.toString());
      answer(socket, bytes.toString(), requests.length - 1);
    });
  };
  const server: Server = tls ? createTlsServer(tls, connected) : createServer(connected);
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http${tls ? 's' : ''}://127.0.0.1:${port}`,
    sockets,
    requests,
    async [Symbol.asyncDispose]() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** A whole reply, after which the connection stays open. */
export function reply(status: number, body = '', headers: readonly string[] = []): string {
  const length = `content-length: ${Buffer.byteLength(body)}`;
  return [`HTTP/1.1 ${status} Any`, length, ...headers, '', body].join('\r\n');
}
