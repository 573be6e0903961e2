import { retryAfterMs } from '../backoff.ts';

/** Everything that can go wrong with a request to the server, as far as anybody acts on it. */
export const PLEXICHAT_FAULTS = [
  'rate_limited',
  'unauthorized',
  'forbidden',
  'refused',
  'unavailable',
  'garbage',
] as const;

/**
 * `rate_limited`: too much was asked; nothing is known of the token. `unauthorized`: the token is bad. `forbidden`: the
 * account is suspended or must be renamed. `refused`: the request is wrong; 405 is said of every unknown path.
 * `unavailable`: no answer, or a server that cannot work. `garbage`: an answer that nobody understands.
 */
export type PlexichatFaultKind = (typeof PLEXICHAT_FAULTS)[number];

export interface PlexichatFaultDetails extends ErrorOptions {
  /** When to ask again, ms from now; only of `rate_limited`. */
  readonly retryAfterMs?: number;
  /** Of the reply, if there was one. */
  readonly status?: number;
  /** The server's own words; not for logs, because it may quote what it was sent. */
  readonly said?: string | undefined;
}

export class PlexichatFault extends Error {
  readonly kind: PlexichatFaultKind;
  readonly retryAfterMs: number | null;
  readonly status: number | null;
  readonly said: string | null;

  constructor(kind: PlexichatFaultKind, details: PlexichatFaultDetails = {}) {
    super(`The server did not do it: ${kind}`, { cause: details.cause });
    this.name = 'PlexichatFault';
    this.kind = kind;
    this.retryAfterMs = details.retryAfterMs ?? null;
    this.status = details.status ?? null;
    this.said = details.said ?? null;
  }
}

export interface Refusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** As JSON was read; undefined when it was none. */
  readonly body: unknown;
}

/** Answered with 401 when there were too many verifications, whatever the token (Plexichat rate limits). */
export const VERIFICATIONS_EXCEEDED = 'Token verification rate limit exceeded';
/** How far back the server counts verifications, ms. */
export const VERIFICATION_WINDOW_MS = 60_000;
/** When a 429 does not say how long it lasts, ms. */
const RETRY_AFTER_MS = 60_000;
/** Longest text of the server that is kept, UTF-16 code units. */
const MAX_SAID = 200;
/** 401 for want of the server's own access token: no word about the user's. */
const ACCESS_TOKEN = /\bAPI access token\b/;

/** What a reply of 400 and above means; `now` in ms since 1970. */
export function faultOfReply({ status, headers, body }: Refusal, now: number): PlexichatFault {
  const message = words(body, 'message');
  if (status === 429) {
    const wait = retryAfterMs(headers, now, body) ?? RETRY_AFTER_MS;
    return new PlexichatFault('rate_limited', { status, retryAfterMs: wait });
  }
  if (status === 401 && message === VERIFICATIONS_EXCEEDED) {
    return new PlexichatFault('rate_limited', { status, retryAfterMs: VERIFICATION_WINDOW_MS });
  }
  if (status === 401 && !ACCESS_TOKEN.test(message ?? '')) {
    return new PlexichatFault('unauthorized', { status, said: message });
  }
  if (status === 401 || status >= 500) return new PlexichatFault('unavailable', { status, said: message });
  if (status === 403)
    return new PlexichatFault('forbidden', { status, said: words(body, 'reason') ?? message });
  return new PlexichatFault('refused', { status, said: message });
}

/** A member of the error envelope. */
function words(body: unknown, name: 'message' | 'reason'): string | undefined {
  const text = member(member(body, 'error'), name);
  return typeof text === 'string' ? text.slice(0, MAX_SAID) : undefined;
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.getOwnPropertyDescriptor(value, name)?.value;
}
