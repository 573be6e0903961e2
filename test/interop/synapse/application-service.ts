import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import type { IncomingMessage, Server } from 'node:http';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';

const WAIT_DEADLINE_MS = 60_000;

/** A request of the homeserver. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly authorization: string | undefined;
  readonly body: any;
}

/** The least Application Service: it keeps every request and answers 200 `{}`. */
export class RecordingService implements AsyncDisposable {
  static readonly asToken = 'as-token-for-tests';
  static readonly hsToken = 'hs-token-for-tests';
  readonly received: Received[] = [];
  /** What POST …/ping answers with. */
  pingStatus = 200;
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      void this.#keep(request).then((status) => {
        response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
      });
    });
  }

  /** Resolves with its URL, on a free port of loopback. */
  async listen(): Promise<string> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return `http://127.0.0.1:${address.port}`;
  }

  /** Bodies of the transactions so far, in order. */
  get transactions(): any[] {
    return this.received.filter(({ path }) => path.includes('/transactions/')).map(({ body }) => body);
  }

  /** The first item under `key` of any transaction, come or to come, that matches. */
  async item(key: string, matches: (item: any) => boolean): Promise<any> {
    const deadline = Date.now() + WAIT_DEADLINE_MS;
    while (Date.now() < deadline) {
      const item = this.transactions.flatMap((body) => body[key] ?? []).find(matches);
      if (item !== undefined) return item;
      await sleep(20);
    }
    throw new Error(`no such item in ${JSON.stringify(this.transactions)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #keep(request: IncomingMessage): Promise<number> {
    const { method = '', url = '', headers } = request;
    const content = await text(request);
    const body = content === '' ? null : JSON.parse(content);
    this.received.push({ method, path: url, authorization: headers.authorization, body });
    return url.startsWith('/_matrix/app/v1/ping') ? this.pingStatus : 200;
  }
}

/** Writes the registration of a service that wants presence and owns `@_plexichat_…`. */
export async function writeRegistration(file: string, url: string, serverName = 'hs.test'): Promise<void> {
  const registration = {
    id: 'plexibridge',
    url,
    as_token: RecordingService.asToken,
    hs_token: RecordingService.hsToken,
    sender_localpart: 'plexibridge',
    rate_limited: false,
    receive_ephemeral: true,
    'de.sorunome.msc2409.push_ephemeral': true,
    namespaces: {
      users: [{ exclusive: true, regex: `@_plexichat_.*:${serverName.replaceAll('.', '\\.')}` }],
      aliases: [],
      rooms: [],
    },
  };
  await writeFile(file, stringify(registration));
}
