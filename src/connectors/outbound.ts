import type { Dispatcher } from 'undici';
import { Pool, errors } from 'undici';
import type { Note } from '../metrics/tracing.ts';
import { registeredTracing } from '../metrics/tracing.ts';
import type { OutboundFault } from './outbound-error.ts';
import { OutboundError, faultOf } from './outbound-error.ts';

/** Names in any case. */
export type OutboundHeaders = Readonly<Record<string, string>>;

export type StatusClass = '2xx' | '4xx' | '5xx';

export interface OutboundOptions {
  /** `http` or `https`, host, and a path that stands before every path; from the config only. */
  readonly baseUrl: string;
  /** The longest that a request may take, from asking to the last byte of the reply, ms. */
  readonly timeoutMs: number;
  /** The most that the body of a reply may hold, bytes. */
  readonly maxBodyBytes: number;
  /** The most connections at once. Further requests wait for a free one, and that counts as their time. */
  readonly connections: number;
  readonly userAgent: string;
  /** Sent with every request that does not say otherwise. */
  readonly headers?: OutboundHeaders;
  /** Told once how each request ended. Must not throw. */
  readonly observe?: (outcome: OutboundFault | StatusClass) => void;
}

export interface OutboundRequest {
  readonly method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE';
  /** Below the base URL: begins with one slash, its segments are percent-encoded, none is a dot or two. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly headers?: OutboundHeaders;
  /** Bytes are sent as they are; anything else as JSON. */
  readonly body?: unknown;
  /** Of bytes; `application/octet-stream` when absent. */
  readonly contentType?: string;
  /** In place of the timeout of all requests, ms. */
  readonly timeoutMs?: number;
}

export interface OutboundReply {
  /** Never a 3xx. */
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly bytes: Uint8Array;
  /** The bytes as UTF-8; what is not becomes U+FFFD. */
  readonly text: string;
}

/**
 * All HTTP that a connector sends, to one server. Certificates are verified and redirects never followed, so that a
 * token goes nowhere but below the base URL. Its time is real time: sockets know no other.
 */
export class Outbound implements AsyncDisposable {
  readonly #options: OutboundOptions;
  readonly #headers: OutboundHeaders;
  readonly #base: URL;
  /** The path of the base URL without a slash at its end. */
  readonly #prefix: string;
  readonly #pool: Pool;
  readonly #tracing = registeredTracing();

  /** Throws TypeError for a base URL that is no plain `http` or `https` URL. */
  constructor(options: OutboundOptions) {
    this.#options = options;
    this.#headers = { ...lowerCased(options.headers), 'user-agent': options.userAgent };
    this.#base = parseBase(options.baseUrl);
    this.#prefix = this.#base.pathname.replace(/\/+$/, '');
    this.#pool = new Pool(this.#base.origin, {
      connections: options.connections,
      maxResponseSize: options.maxBodyBytes,
      connect: { timeout: options.timeoutMs },
      // One deadline bounds each request as a whole; the client's own know only its parts, to the second.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /**
   * The reply, whatever its status, unless it redirects. Throws OutboundError, and TypeError for a path or a header
   * that cannot be sent.
   */
  async request(request: OutboundRequest): Promise<OutboundReply> {
    if (this.#tracing === null) return this.#request(request);
    const { method } = request;
    // Its path names people.
    const attributes = { 'http.request.method': method, 'server.address': this.#base.host };
    return this.#tracing.span(method, attributes, (note) => this.#request(request, note));
  }

  async #request(request: OutboundRequest, note?: Note): Promise<OutboundReply> {
    const dispatched = this.#dispatched(request);
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(), request.timeoutMs ?? this.#options.timeoutMs);
    try {
      // The client heeds the signal only once it has a connection, hence the race.
      const exchange = this.#exchange(dispatched, deadline.signal);
      const reply = await Promise.race([timeoutOf(deadline.signal), exchange]);
      note?.({ 'http.response.status_code': reply.status });
      this.#options.observe?.(classOf(reply.status));
      return reply;
    } catch (error) {
      // Its message names the header at fault, never what is in it.
      if (error instanceof errors.InvalidArgumentError) throw new TypeError(error.message);
      const outbound = error instanceof OutboundError ? error : new OutboundError(faultOf(error));
      note?.({ 'error.type': outbound.fault });
      this.#options.observe?.(outbound.fault);
      throw outbound;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends every connection at once; requests that still run, and later ones, fail with `unreachable`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pool.destroy();
  }

  async #exchange(request: Dispatcher.RequestOptions, signal: AbortSignal): Promise<OutboundReply> {
    const { statusCode: status, headers, body } = await this.#pool.request({ ...request, signal });
    if (status < 300 || status > 399) {
      const bytes = await body.bytes();
      return { status, headers, bytes, text: new TextDecoder().decode(bytes) };
    }
    body.on('error', () => undefined).destroy();
    throw new OutboundError('redirected');
  }

  #dispatched({ method, path, query, headers, body, contentType }: OutboundRequest) {
    return {
      method,
      path: this.#pathOf(path) + searchOf(query),
      headers: { ...this.#headers, ...typeOf(body, contentType), ...lowerCased(headers) },
      body: body === undefined || body instanceof Uint8Array ? (body ?? null) : JSON.stringify(body),
    };
  }

  #pathOf(path: string): string {
    const whole = this.#prefix + path;
    const plain = /^\/(?!\/)/.test(path) && new URL(whole, this.#base).pathname === whole;
    // Not quoted: whoever forgot to encode may have put anything into it.
    if (!plain)
      throw new TypeError('The path of a request must be absolute, percent-encoded and without dots');
    return whole;
  }
}

/** What the text of a reply holds; undefined when it is not JSON, which is no value of JSON. */
export function json({ text }: Pick<OutboundReply, 'text'>): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function classOf(status: number): StatusClass {
  if (status < 400) return '2xx';
  return status < 500 ? '4xx' : '5xx';
}

function lowerCased(headers: OutboundHeaders = {}): OutboundHeaders {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
}

function parseBase(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  const plain = url && /^https?:$/.test(url.protocol) && !url.username && !url.password;
  if (!plain || url.search !== '' || url.hash !== '') {
    throw new TypeError('A base URL must be http or https, without credentials, query and fragment');
  }
  return url;
}

function searchOf(query: OutboundRequest['query'] = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined) search.append(name, String(value));
  }
  return search.size === 0 ? '' : `?${search.toString()}`;
}

/** Rejects with `timeout` once the signal aborts, and never resolves. */
function timeoutOf(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(new OutboundError('timeout')));
  });
}

function typeOf(body: unknown, contentType = 'application/octet-stream'): OutboundHeaders {
  if (body === undefined) return {};
  return { 'content-type': body instanceof Uint8Array ? contentType : 'application/json' };
}
