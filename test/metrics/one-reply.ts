import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface OneReplyServer extends AsyncDisposable {
  readonly url: string;
  /** Of all requests, in order. */
  readonly paths: string[];
}

/** Answers everything with this status and `{}`. */
export async function startServer(status: number): Promise<OneReplyServer> {
  const paths: string[] = [];
  const server = createServer((request, response) => {
    paths.push(String(request.url));
    request.resume();
    response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    paths,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
