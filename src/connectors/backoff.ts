/** The longest that a server is believed to want us away, ms: a day. */
const LONGEST_RETRY_AFTER_MS = 86_400_000;

export interface BackoffOptions {
  /** The least wait, ms; more than 0. */
  readonly firstMs: number;
  /** The longest wait, unless the server asks for more, ms. */
  readonly maxMs: number;
  /** A number in [0, 1). */
  readonly random: () => number;
}

/** How long to wait before each further try: anything between the least wait and a bound that doubles each time. */
export class Backoff {
  readonly #options: BackoffOptions;
  #tries = 0;

  constructor(options: BackoffOptions) {
    this.#options = options;
  }

  /** The next wait, whole ms; never less than `retryAfterMs`, which is what the server said. */
  next(retryAfterMs: number | null = null): number {
    const { firstMs, maxMs, random } = this.#options;
    this.#tries++;
    const bound = Math.min(maxMs, firstMs * 2 ** this.#tries);
    const wait = Math.floor(firstMs + random() * Math.max(0, bound - firstMs));
    return retryAfterMs !== null && Number.isFinite(retryAfterMs) ? Math.max(wait, retryAfterMs) : wait;
  }

  /** After a success: the next wait is a first one. */
  reset(): void {
    this.#tries = 0;
  }
}

/**
 * How long the server wants us to wait, whole ms, at most a day; null when it does not say. Read from `Retry-After`
 * (RFC 9110 §10.2.3: seconds or a date, against `now`, ms since 1970) and from `retry_after_ms` (ms) or `retry_after`
 * (s) in the body or in its `error`. The longest counts, because whoever comes earlier is refused again.
 */
export function retryAfterMs(
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
  now: number,
  body?: unknown,
): number | null {
  const said = [
    ofHeader([headers['retry-after']].flat()[0], now),
    ...[body, member(body, 'error')].flatMap((place) => [
      ms(member(place, 'retry_after_ms')),
      ms(member(place, 'retry_after'), 1000),
    ]),
  ];
  const known = said.filter((wait) => wait !== null);
  return known.length === 0 ? null : Math.min(LONGEST_RETRY_AFTER_MS, Math.max(...known));
}

function ofHeader(text: string | undefined, now: number): number | null {
  if (text === undefined) return null;
  if (/^\d+(\.\d+)?$/.test(text)) return ms(Number(text), 1000);
  // Without a zone a date would mean another time on each machine.
  const date = text.endsWith(' GMT') ? Date.parse(text) : NaN;
  return Number.isNaN(date) ? null : Math.max(0, date - now);
}

function ms(value: unknown, unitMs = 1): number | null {
  return typeof value === 'number' && value >= 0 ? Math.ceil(value * unitMs) : null;
}

function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.getOwnPropertyDescriptor(value, name)?.value;
}
