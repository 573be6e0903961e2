import type { IncomingMessage, ServerResponse } from 'node:http';
import { authenticate, accessTokenRefusal, bearerToken } from './authentication.ts';
import type { Verifications } from './authentication.ts';
import type { HttpLimiter } from './http-limiter.ts';
import type { Reply } from './reply.ts';
import { failure } from './reply.ts';
import type { RestFaults } from './rest-faults.ts';
import type { Route, RouteContext } from './route.ts';
import { routesOf } from './routes.ts';

const MAX_BODY = 10 * 1024 * 1024;

export interface SeenRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** The human whose token it carried; null without a token that ever was good. */
  readonly owner: string | null;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** ms since 1970. */
  readonly at: number;
}

export interface RestContext extends RouteContext {
  readonly limiter: HttpLimiter;
  readonly verifications: Verifications;
  readonly faults: RestFaults;
  /** Called once per request, before anything is done about it. */
  readonly seen: (request: SeenRequest) => void;
}

/** Body size → limiter → access token → JSON → authentication → model (contract §1.4). */
export class Rest {
  readonly #context: RestContext;
  readonly #routes: readonly Route[];

  constructor(context: RestContext) {
    this.#context = context;
    this.#routes = routesOf(context);
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request);
    if (request.socket.destroyed) return;
    const path = (request.url ?? '').replace(/[?#].*$/s, '');
    this.#note(request, path, body);
    const faulty = await this.#context.faults.hit(request, response, path);
    if (faulty !== 'gone') send(response, faulty ?? this.#reply(request, path, body));
  }

  #note(request: IncomingMessage, path: string, body: Buffer | null): void {
    const bearer = bearerToken(request);
    this.#context.seen({
      method: request.method ?? '',
      path,
      owner: 'token' in bearer ? this.#context.accounts.ownerOf(bearer.token) : null,
      headers: request.headers,
      body: body?.toString() ?? '',
      at: this.#context.settings.clock.now(),
    });
  }

  #reply(request: IncomingMessage, path: string, body: Buffer | null): Reply {
    if (body === null) return failure(413, 'Request body too large');
    const { method = '' } = request;
    // Preflights belong to browsers; without an Origin the server refuses them.
    if (method === 'OPTIONS') return { status: 400, body: undefined };
    const { bypassSecret } = this.#context.settings;
    if (bypassSecret !== null && request.headers['x-ratelimit-bypass'] === bypassSecret) {
      return this.#answer(request, path, body);
    }
    const { limiter } = this.#context;
    const { refusal, headers } = limiter.admit(request.socket.remoteAddress ?? '', method, path);
    const reply = refusal ?? this.#answer(request, path, body);
    return { ...reply, headers: { ...headers, ...reply.headers } };
  }

  #answer(request: IncomingMessage, path: string, bytes: Buffer): Reply {
    const { settings, accounts, verifications } = this.#context;
    const gate = accessTokenRefusal(settings, request, path);
    if (gate) return gate;
    const route = this.#routes.find((one) => one.method === request.method && one.path.test(path));
    if (!route) return failure(405, 'Method Not Allowed');
    const body = route.method === 'PUT' ? readJson(request, bytes) : { value: undefined };
    if ('message' in body) return failure(400, body.message);
    const id = route.path.exec(path)?.[1] ?? '';
    if (route.open) return route.answer({ identity: { userId: '', accountId: '' }, id, body: undefined });
    const caller = authenticate(accounts, verifications, request, route.mayRename ?? false);
    if ('refusal' in caller) return caller.refusal;
    return route.answer({ identity: caller.identity, id, body: body.value });
  }
}

/** Null above 10 MiB. */
async function readBody(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size <= MAX_BODY) chunks.push(chunk);
    }
  } catch {
    // The client went away in the middle of it.
  }
  return size > MAX_BODY ? null : Buffer.concat(chunks);
}

/** What the server makes of a body before it asks who sent it. */
function readJson(request: IncomingMessage, bytes: Buffer): { value: unknown } | { message: string } {
  if (bytes.length === 0) return { value: undefined };
  const type = request.headers['content-type'] ?? '';
  // Anything but JSON stays a text, which no model accepts.
  if (!/^application\/([^\s;/]+\+)?json\s*(;|$)/i.test(type)) return { value: '' };
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return { message: 'There was an error parsing the body' };
  }
  try {
    return { value: JSON.parse(text) as unknown };
  } catch (error) {
    const position = /at position (\d+)/.exec(String(error))?.[1] ?? String(bytes.length);
    return { message: `Invalid ${position}: JSON decode error` };
  }
}

function send(response: ServerResponse, { status, body, headers }: Reply): void {
  const isPng = Buffer.isBuffer(body);
  const bytes = isPng ? body : Buffer.from(body === undefined ? '' : JSON.stringify(body));
  response.writeHead(status, {
    server: 'uvicorn',
    vary: 'Origin',
    'content-type': isPng ? 'image/png' : 'application/json',
    'content-length': bytes.length,
    ...headers,
  });
  response.end(bytes);
}
