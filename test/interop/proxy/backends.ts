import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a backend of the proxy answers; null: that it got the request, with its URL as it came. */
type Answer = (request: IncomingMessage) => { status: number; body: object } | null;

export interface Backend extends AsyncDisposable {
  readonly port: number;
  /** URLs of all requests, in order. */
  readonly seen: string[];
}

async function startBackend(name: string, answer: Answer): Promise<Backend> {
  const seen: string[] = [];
  const server = createServer((request, response) => {
    seen.push(`${request.method} ${request.url}`);
    const { status, body } = answer(request) ?? { status: 200, body: { from: name, url: request.url } };
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    request.resume();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    seen,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

function bearer({ headers }: IncomingMessage): string {
  return (headers.authorization ?? '').replace(/^Bearer /, '');
}

/** What the homeserver says of a token that it does not know. */
export const LOGGED_OUT = {
  errcode: 'M_UNKNOWN_TOKEN',
  error: 'Access token has expired',
  soft_logout: true,
};

/** A homeserver that knows `token` as `userId`, and nothing else. */
export function startHomeserver(token: string, userId: string): Promise<Backend> {
  return startBackend('homeserver', (request) => {
    if (request.url !== '/_matrix/client/v3/account/whoami') return null;
    if (bearer(request) !== token) return { status: 401, body: LOGGED_OUT };
    return { status: 200, body: { user_id: userId, device_id: 'PHONE' } };
  });
}

/** A Plexichat server that knows `token` as the user `id`, and nothing else. */
export function startPlexichat(token: string, id: string): Promise<Backend> {
  return startBackend('plexichat', (request) => {
    if (request.url === `/api/v1/users/${id}`) {
      return { status: 200, body: { id, username: 'cleo', avatar_url: null, created_at: 1, badges: [] } };
    }
    if (request.url !== '/api/v1/users/@me/messaging-settings') return null;
    if (bearer(request) !== token) {
      return { status: 401, body: { error: { code: 401, message: 'Invalid/Revoked' } } };
    }
    return { status: 200, body: { user_id: id } };
  });
}
