import type { Clock } from '../../presence/clock.ts';
import { BridgeError } from '../../presence/errors.ts';
import { Budget } from '../budget.ts';
import { PlexichatFault } from './fault.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** The server refuses more than 100 verifications of tokens in a minute, and skips that for nobody. */
const VERIFICATIONS = { limit: 90, windowMs: MINUTE };
/** It refuses more than 50 requests in a second, 70 of one path in 30 s, and 1,800 in an hour. */
const REQUESTS = [
  { limit: 40, windowMs: 1000 },
  { limit: 60, windowMs: MINUTE / 2 },
  { limit: 1700, windowMs: HOUR },
];
/** How much of it all background work may use; the rest is kept for those who wait for an answer. */
const BACKGROUND_SHARE = 0.75;
/** The longest that an interactive call waits for its turn, ms. */
const PATIENCE = 5000;
const MAX_WAITING = { interactive: 16, background: 1000 };
/** Between two tries of background work while interactive calls take what becomes free, ms. */
const LEAST_PAUSE = 100;

/** Who waits for the answer: somebody, or nobody. */
export type Priority = keyof typeof MAX_WAITING;

export interface PlexichatBudgetsOptions {
  readonly requestsPerMinute: number;
  readonly requestsPerDay: number;
  /** Whether the server was told to skip its limits of requests; that of verifications remains. */
  readonly bypass: boolean;
  readonly clock: Clock;
}

/**
 * What the server lets one address do, in requests and in IDENTIFYs alike (Plexichat rate limits). Nearly every request
 * has its token verified, so all are counted as if they did.
 */
export class PlexichatBudgets implements Disposable {
  readonly #clock: Clock;
  readonly #all: Budget;
  readonly #background: Budget;

  constructor({ requestsPerMinute, requestsPerDay, bypass, clock }: PlexichatBudgetsOptions) {
    const configured = [
      { limit: requestsPerMinute, windowMs: MINUTE },
      { limit: requestsPerDay, windowMs: DAY },
    ];
    const windows = bypass ? [VERIFICATIONS] : [VERIFICATIONS, ...REQUESTS, ...configured];
    const shares = windows.map(({ limit, windowMs }) => ({
      limit: Math.max(1, Math.floor(limit * BACKGROUND_SHARE)),
      windowMs,
    }));
    this.#clock = clock;
    this.#all = new Budget({ windows, maxWaiting: MAX_WAITING.interactive, clock });
    this.#background = new Budget({ windows: shares, maxWaiting: MAX_WAITING.background, clock });
  }

  /**
   * Resolves when one request may be sent. Throws `rate_limited` when an interactive call would wait for more than 5 s,
   * or when too many wait; the signal's reason once that aborts; AbortError once the budgets are disposed.
   */
  async turn(priority: Priority, signal?: AbortSignal): Promise<void> {
    try {
      if (priority === 'interactive') await this.#interactiveTurn(signal);
      else await this.#backgroundTurn(signal);
    } catch (error) {
      if (!(error instanceof BridgeError)) throw error;
      throw new PlexichatFault('rate_limited', { retryAfterMs: error.retryAfterMs ?? MINUTE });
    }
  }

  /** The server said that it takes nothing for `ms` from now. */
  drain(ms: number): void {
    this.#all.drain(ms);
    this.#background.drain(ms);
  }

  /** Sends everybody away who waits. */
  [Symbol.dispose](): void {
    this.#background[Symbol.dispose]();
    this.#all[Symbol.dispose]();
  }

  async #interactiveTurn(signal: AbortSignal | undefined): Promise<void> {
    const wait = this.#all.wait();
    if (wait > PATIENCE) throw new PlexichatFault('rate_limited', { retryAfterMs: wait });
    await this.#all.turn(signal);
  }

  /** Never stands in the line of interactive calls, which are few and go first. */
  async #backgroundTurn(signal: AbortSignal | undefined): Promise<void> {
    await this.#background.turn(signal);
    while (!this.#all.take()) await this.#pause(Math.max(LEAST_PAUSE, this.#all.wait()), signal);
  }

  #pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = () => {
        timer[Symbol.dispose]();
        reject(signal?.reason as Error);
      };
      const timer = this.#clock.after(ms, () => {
        signal?.removeEventListener('abort', abort);
        resolve();
      });
      signal?.addEventListener('abort', abort);
      if (signal?.aborted) abort();
    });
  }
}
