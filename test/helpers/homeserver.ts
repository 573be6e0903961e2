import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import { setImmediate } from 'node:timers/promises';
import type { OutboundReply, OutboundRequest } from '../../src/connectors/outbound.ts';
import { OutboundError } from '../../src/connectors/outbound-error.ts';
import { ManualClock } from './clock.ts';
import type { Answer, Asking, ModelOptions } from './homeserver-model.ts';
import { failure, HomeserverModel } from './homeserver-model.ts';

/**
 * `refused`: nobody listens; with sockets `stop` does that. `reset`: the connection ends. `slow`: the answer comes once the fault is released. `half_open`: half an answer comes
 * and no more. Without sockets the latter two are a timeout unless released.
 */
export type FaultKind =
  | 'refused'
  | 'reset'
  | 'slow'
  | 'half_open'
  | 'rate_limited'
  | 'proxy_limited'
  | 'error'
  | 'garbage'
  | 'unknown_token'
  | 'forbidden';

export interface FaultOptions {
  /** Only requests whose path matches. */
  readonly path?: RegExp;
  /** How many requests it hits; all, unless told. */
  readonly times?: number;
  /** Of the limits, ms. */
  readonly retryAfterMs?: number;
}

export interface Fault extends Disposable {
  /** Requests it has hit. */
  readonly hits: number;
}

/** A request as it came. */
export interface Seen {
  readonly at: number;
  readonly method: string;
  /** Decoded, without query. */
  readonly path: string;
  readonly as: string | null;
  readonly token: string | null;
  readonly body: any;
}

interface Raw {
  readonly method: string;
  /** With query, encoded. */
  readonly url: string;
  readonly token: string | null;
  readonly body: any;
}

interface ActiveFault {
  readonly kind: FaultKind;
  readonly options: FaultOptions;
  readonly released: Promise<void>;
  left: number;
  hits: number;
}

export interface HomeserverOptions extends Partial<ModelOptions> {
  readonly hsToken?: string;
}

/** A homeserver as far as an application service for presence meets it; over sockets, or called directly. */
export class FakeHomeserver implements AsyncDisposable {
  readonly clock: ManualClock;
  readonly model: HomeserverModel;
  readonly asToken: string;
  readonly hsToken: string;
  /** Every request, oldest first. */
  readonly seen: Seen[] = [];
  readonly #faults: ActiveFault[] = [];
  #server: Server | null = null;
  #port = 0;
  #transactions = 0;

  constructor({ hsToken = 'hs-token', ...options }: HomeserverOptions = {}) {
    this.clock = options.clock ?? new ManualClock();
    this.asToken = options.asToken ?? 'as-token';
    this.hsToken = hsToken;
    this.model = new HomeserverModel({
      serverName: 'hs.test',
      senderLocalpart: 'plexibridge',
      namespace: /^@_plexichat_.*:hs\.test$/,
      ...options,
      clock: this.clock,
      asToken: this.asToken,
    });
  }

  /** Listens on loopback, on the same port as before where it did; the base URL. */
  async listen(): Promise<string> {
    const server = createServer((request, response) => void this.#serve(request, response));
    this.#server = server;
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    if (typeof address === 'object' && address) this.#port = address.port;
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Connections are refused from now on, and open ones end. */
  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (!server) return;
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** In place of answers; until disposed, which also releases what is slow. */
  fail(kind: FaultKind, options: FaultOptions = {}): Fault {
    let release: () => void = () => undefined;
    const released = new Promise<void>((resolve) => (release = resolve));
    const fault: ActiveFault = { kind, options, released, left: options.times ?? Infinity, hits: 0 };
    this.#faults.push(fault);
    return {
      get hits() {
        return fault.hits;
      },
      [Symbol.dispose]: () => {
        fault.left = 0;
        release();
      },
    };
  }

  /** Requests whose method and decoded path match, such as `PUT /_matrix/client/v3/presence/@u:hs/status`. */
  requests(pattern: RegExp): Seen[] {
    return this.seen.filter(({ method, path }) => pattern.test(`${method} ${path}`));
  }

  /** What was written as the user's presence, oldest first, refused or not. */
  puts(userId: string): { presence: string; status_msg?: string }[] {
    const path = `/_matrix/client/v3/presence/${userId}/status`;
    return this.seen.filter((seen) => seen.method === 'PUT' && seen.path === path).map(({ body }) => body);
  }

  /** Sends a transaction with these ephemeral events, under the stable and the unstable key as homeservers do; its status. */
  async deliver(appserviceUrl: string, ephemeral: readonly object[], txnId?: string): Promise<number> {
    const id = txnId ?? String(++this.#transactions);
    const response = await fetch(`${appserviceUrl}/_matrix/app/v1/transactions/${id}`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${this.hsToken}`, 'content-type': 'application/json' },
      body: JSON.stringify({
        events: [],
        ...(ephemeral.length > 0 && { ephemeral, 'de.sorunome.msc2409.ephemeral': ephemeral }),
      }),
    });
    await response.arrayBuffer();
    return response.status;
  }

  /** Requests that reach it without sockets, so that nothing but turns of the event loop pass meanwhile. */
  outbound(): { request(request: OutboundRequest): Promise<OutboundReply> } {
    return { request: (request) => this.#direct(request) };
  }

  async #direct({
    method,
    path,
    query,
    headers,
    body,
    contentType,
  }: OutboundRequest): Promise<OutboundReply> {
    const search = new URLSearchParams();
    for (const [key, value] of Object.entries(query ?? {})) search.set(key, String(value));
    const token = bearer(headers?.['authorization']);
    const bytes = body instanceof Uint8Array ? { type: contentType, size: body.length } : body;
    const raw: Raw = { method, url: `${path}?${search.toString()}`, token, body: bytes };
    await setImmediate();
    const fault = this.#note(raw);
    if (fault?.kind === 'refused' || fault?.kind === 'reset') throw new OutboundError(fault.kind);
    if (fault?.kind === 'half_open') throw new OutboundError('timeout');
    if (fault?.kind === 'slow') await fault.released;
    const { status, body: answer, headers: more } = this.#answer(raw, fault);
    const text = typeof answer === 'string' ? answer : JSON.stringify(answer);
    return { status, headers: more ?? {}, bytes: Buffer.from(text), text };
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url = '' } = request;
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    const type = request.headers['content-type'];
    const body = type === 'application/json' ? JSON.parse(bytes.toString()) : { type, size: bytes.length };
    const raw: Raw = { method, url, token: bearer(request.headers.authorization), body };
    const fault = this.#note(raw);
    if (fault?.kind === 'reset' || fault?.kind === 'refused') return void request.socket.resetAndDestroy();
    if (fault?.kind === 'slow') await fault.released;
    const { status, body: answer, headers = {} } = this.#answer(raw, fault);
    const text = typeof answer === 'string' ? answer : JSON.stringify(answer);
    const length = { 'content-length': String(Buffer.byteLength(text)) };
    response.writeHead(status, { 'content-type': 'application/json', ...length, ...headers });
    if (fault?.kind === 'half_open') response.write(text.slice(0, 1));
    else response.end(text);
  }

  #note(raw: Raw): ActiveFault | null {
    const { path, as } = placesOf(raw.url);
    this.seen.push({ at: this.clock.now(), method: raw.method, path, as, token: raw.token, body: raw.body });
    const fault = this.#faults.find(({ left, options }) => left > 0 && (options.path?.test(path) ?? true));
    if (!fault) return null;
    fault.left--;
    fault.hits++;
    return fault;
  }

  #answer(raw: Raw, fault: ActiveFault | null): Answer {
    const wait = fault?.options.retryAfterMs ?? 5000;
    switch (fault?.kind ?? 'slow') {
      case 'rate_limited':
        return failure(429, 'M_LIMIT_EXCEEDED', { retry_after_ms: wait });
      case 'proxy_limited':
        return { status: 429, body: '<html>', headers: { 'retry-after': String(Math.ceil(wait / 1000)) } };
      case 'error':
        return failure(500, 'M_UNKNOWN');
      case 'garbage':
        return { status: 200, body: '{"user_id": 17, "versions"' };
      case 'unknown_token':
        return failure(401, 'M_UNKNOWN_TOKEN');
      case 'forbidden':
        return failure(403, 'M_FORBIDDEN');
      case 'refused':
      case 'reset':
      case 'slow':
      case 'half_open':
        return this.model.answer(askingOf(raw));
    }
  }
}

/** Resolves once all that requests without sockets lead to has happened; no time passes. */
export async function quiet(): Promise<void> {
  for (let turn = 0; turn < 100; turn++) await setImmediate();
}

/** Resolves once the condition holds; what real sockets are waited for. Fails after some seconds. */
export async function until(holds: () => boolean): Promise<void> {
  const end = Date.now() + 10_000;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`waited in vain for ${holds.toString()}`);
    await setImmediate();
  }
}

function placesOf(url: string): { path: string; as: string | null } {
  const { pathname, searchParams } = new URL(url, 'http://localhost');
  return { path: decodeURIComponent(pathname), as: searchParams.get('user_id') };
}

function askingOf({ method, url, token, body }: Raw): Asking {
  const { pathname, searchParams } = new URL(url, 'http://localhost');
  const path = pathname
    .replace(/^\/_matrix\/(client|media)(\/v3|\/v1\/appservice\/[^/]+)?\//, '')
    .split('/')
    .map(decodeURIComponent);
  return { method, path, masquerade: searchParams.get('user_id'), token, body };
}

function bearer(header: string | undefined): string | null {
  return /^Bearer (.+)$/.exec(header ?? '')?.[1] ?? null;
}
