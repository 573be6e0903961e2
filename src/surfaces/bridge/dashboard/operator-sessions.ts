import type { Clock } from '../../../presence/clock.ts';
import type { Secrets } from '../../../presence/tokens.ts';

/** How long an operator stays signed in, ms. */
export const SESSION_MS = 12 * 60 * 60 * 1000;
/** The most sessions at a time; the one that ends first makes room for another. */
const MAX_SESSIONS = 100;

/**
 * Operators who signed in with a browser. Kept in this process only: a restart signs everybody out, and another node does
 * not know them. What the browser holds is kept as a hash.
 */
export class OperatorSessions {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #secrets: Secrets;
  /** By hash, when it ends, ms since 1970; in the order of their ends. */
  readonly #ends = new Map<string, number>();

  constructor(clock: Pick<Clock, 'now'>, secrets: Secrets) {
    this.#clock = clock;
    this.#secrets = secrets;
  }

  /** A new session: its secret, and when it ends (ms since 1970). */
  open(): { readonly secret: string; readonly endsAt: number } {
    for (const hash of this.#ends.keys()) {
      if (this.#ends.size < MAX_SESSIONS) break;
      this.#ends.delete(hash);
    }
    const secret = this.#secrets.random(32);
    const endsAt = this.#clock.now() + SESSION_MS;
    this.#ends.set(this.#secrets.hash(secret), endsAt);
    return { secret, endsAt };
  }

  /** When the session of this secret ends, ms since 1970; null when there is none any more. */
  endOf(secret: string): number | null {
    const hash = this.#secrets.hash(secret);
    const endsAt = this.#ends.get(hash) ?? null;
    if (endsAt !== null && endsAt > this.#clock.now()) return endsAt;
    this.#ends.delete(hash);
    return null;
  }

  close(secret: string): void {
    this.#ends.delete(this.#secrets.hash(secret));
  }
}
