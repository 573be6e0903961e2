import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Reply } from './reply.ts';
import { failure, ok } from './reply.ts';
import { tooManyRequests } from './http-limiter.ts';

export type RestFault =
  | 'refuse'
  | 'slow'
  | 'rate-limited'
  | 'server-error'
  | 'garbage'
  | 'redirect'
  | 'huge'
  | 'verification-limit';

export interface FaultOptions {
  /** Only requests whose path matches. */
  readonly path?: RegExp;
  /** `retry_after` of `rate-limited`, s; 12.373 unless told. */
  readonly retryAfter?: number;
  /** Where `redirect` leads. */
  readonly location?: string;
  /** Length of the body of `huge`, bytes; 64 MiB unless told. */
  readonly bytes?: number;
}

/** A fault under way. */
export interface Faulting {
  /** How many requests it has hit. */
  readonly hits: number;
  /** Ends it, and lets the requests that `slow` holds be answered as if nothing had been. */
  release(): void;
}

class Fault implements Faulting {
  readonly kind: RestFault;
  readonly options: FaultOptions;
  readonly released: Promise<void>;
  hits = 0;
  left: number;
  #resolve: () => void = () => undefined;

  constructor(kind: RestFault, count: number, options: FaultOptions) {
    this.kind = kind;
    this.options = options;
    this.left = count;
    this.released = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  release(): void {
    this.left = 0;
    this.#resolve();
  }
}

/** What happens to the next requests instead of an answer. */
export class RestFaults {
  readonly #faults: Fault[] = [];

  add(count: number, kind: RestFault, options: FaultOptions = {}): Faulting {
    const fault = new Fault(kind, count, options);
    this.#faults.push(fault);
    return fault;
  }

  releaseAll(): void {
    for (const fault of this.#faults) fault.release();
  }

  /** The reply that a fault puts in the place of the true one; 'gone' when the fault has answered by itself. */
  async hit(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
  ): Promise<Reply | 'gone' | null> {
    const fault = this.#faults.find(({ left, options }) => left > 0 && (options.path?.test(path) ?? true));
    if (!fault) return null;
    fault.left -= 1;
    fault.hits += 1;
    switch (fault.kind) {
      case 'refuse':
        request.socket.resetAndDestroy();
        return 'gone';
      case 'slow':
        await fault.released;
        return null;
      case 'huge':
        await sendHuge(response, fault.options.bytes ?? 64 * 1024 * 1024);
        return 'gone';
      case 'garbage':
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"user_id":"17');
        return 'gone';
      case 'redirect': {
        const location = fault.options.location ?? 'http://plexichat.invalid/elsewhere';
        return { ...ok(null), status: 307, headers: { location } };
      }
      case 'rate-limited':
        return rateLimited(fault.options.retryAfter ?? 12.373);
      case 'server-error':
        return failure(500, 'Internal server error');
      case 'verification-limit':
        return failure(401, 'Token verification rate limit exceeded');
    }
  }
}

function rateLimited(seconds: number): Reply {
  const reply = tooManyRequests(seconds, 'ip');
  const headers = {
    'x-ratelimit-limit': '120',
    'x-ratelimit-remaining': '0',
    'x-ratelimit-reset-after': seconds.toFixed(3),
    'x-ratelimit-bucket': 'ac4918723142e77e',
    'x-ratelimit-scope': 'ip',
  };
  return { ...reply, headers: { ...reply.headers, ...headers } };
}

/** JSON that would be fine if it ever ended; stops when the client has had enough. */
async function sendHuge(response: ServerResponse, bytes: number): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/json' });
  const piece = 'x'.repeat(64 * 1024);
  function* pieces() {
    yield '{"user_id":"';
    for (let sent = 0; sent < bytes; sent += piece.length) yield piece;
    yield '"}';
  }
  await pipeline(Readable.from(pieces()), response).catch(() => undefined);
}
