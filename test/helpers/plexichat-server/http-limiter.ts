import { createHash } from 'node:crypto';
import type { Reply } from './reply.ts';
import type { Settings } from './options.ts';
import type { Standing, Window } from './windows.ts';
import { SlidingWindow, TokenBucket } from './windows.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

type Scope = 'global' | 'ip' | 'route';

interface Bucket {
  readonly scope: Scope;
  readonly key: string;
  readonly window: Window;
}

export interface Admission {
  /** The 429 to answer with; null when the request may go on. */
  readonly refusal: Reply | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** The limits that apply whatever is configured; all of them per address, before authentication (contract §6). */
export class HttpLimiter {
  readonly #settings: Settings;
  readonly #global: Window;
  readonly #perAddress: readonly Window[];
  readonly #perRoute: Window;
  readonly #me: Window;

  constructor(settings: Settings) {
    const { clock, dialect } = settings;
    this.#settings = settings;
    this.#global = new TokenBucket(clock, 50, 60);
    this.#perAddress = [
      new SlidingWindow(clock, dialect.requestsPerMinute, MINUTE),
      new SlidingWindow(clock, 1_800, HOUR),
      new SlidingWindow(clock, 10_000, 24 * HOUR),
    ];
    this.#perRoute = new SlidingWindow(clock, 70, 30_000);
    this.#me = new SlidingWindow(clock, 40, MINUTE);
  }

  admit(address: string, method: string, path: string): Admission {
    const route = this.#route(address, method, path);
    const buckets: Bucket[] = [
      { scope: 'global', key: address, window: this.#global },
      ...this.#perAddress.map((window) => ({ scope: 'ip' as const, key: address, window })),
      route,
    ];
    const full = buckets.find(({ window, key }) => !window.look(key).allowed);
    if (full) return this.#refuse(full);
    for (const { window, key } of buckets) window.take(key);
    return { refusal: null, headers: this.#headers(route, route.window.look(route.key)) };
  }

  #route(address: string, method: string, path: string): Bucket {
    const isMe = method === 'GET' && path === '/api/v1/users/@me';
    return {
      scope: 'route',
      key: `${address} ${method} ${path}`,
      window: isMe ? this.#me : this.#perRoute,
    };
  }

  #refuse(bucket: Bucket): Admission {
    const standing = bucket.window.look(bucket.key);
    const isGlobal = bucket.scope === 'global';
    const headers = this.#headers(bucket, standing);
    const refusal = tooManyRequests(standing.resetAfter / 1000, bucket.scope);
    return { refusal, headers: { ...headers, ...(isGlobal ? { 'x-ratelimit-global': 'true' } : {}) } };
  }

  #headers({ scope, key }: Bucket, standing: Standing): Record<string, string> {
    const reset = (this.#settings.clock.now() + standing.resetAfter) / 1000;
    return {
      'x-ratelimit-limit': String(standing.limit),
      'x-ratelimit-remaining': String(standing.remaining),
      'x-ratelimit-reset': reset.toFixed(3),
      'x-ratelimit-reset-after': (standing.resetAfter / 1000).toFixed(3),
      'x-ratelimit-bucket': createHash('sha256').update(`${scope} ${key}`).digest('hex').slice(0, 16),
      'x-ratelimit-scope': scope,
    };
  }
}

/** The bare body of 429, which is no envelope; `seconds` may be a fraction. */
export function tooManyRequests(seconds: number, scope: Scope): Reply {
  return {
    status: 429,
    body: {
      message: 'You are being rate limited.',
      retry_after: seconds,
      global: scope === 'global',
      scope,
    },
    headers: { 'retry-after': String(Math.ceil(seconds)) },
  };
}
