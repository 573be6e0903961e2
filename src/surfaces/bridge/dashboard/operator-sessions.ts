import type { Clock } from '../../../presence/clock.ts';
import type { Directory } from '../../../presence/directory.ts';
import type { DirectoryTurns } from '../../../presence/directory-turns.ts';
import type { Secrets } from '../../../presence/tokens.ts';

/** How long an operator stays signed in, ms. */
export const SESSION_MS = 12 * 60 * 60 * 1000;
/** The most sessions at a time; the one that ends first makes room for another. */
const MAX_SESSIONS = 100;
/** Where the store keeps them. */
const KEY = 'operator-sessions';

/** The hash of its secret, and when it ends, ms since 1970. */
type Session = readonly [hash: string, endsAt: number];

export interface OperatorSessionsOptions {
  readonly directory: Pick<Directory, 'meta' | 'commit'>;
  readonly turns: DirectoryTurns;
  readonly clock: Pick<Clock, 'now'>;
  readonly secrets: Secrets;
  /** SHA-256 of the operator token: with another token everybody has to sign in anew. */
  readonly operatorTokenHash: string;
}

/**
 * Operators who signed in with a browser, at any node: the store keeps them, as hashes. Errors of all methods as in the store.
 */
export class OperatorSessions {
  readonly #options: OperatorSessionsOptions;

  constructor(options: OperatorSessionsOptions) {
    this.#options = options;
  }

  /** A new session: its secret, and when it ends (ms since 1970). */
  async open(): Promise<{ readonly secret: string; readonly endsAt: number }> {
    const { clock, secrets } = this.#options;
    const secret = secrets.random(32);
    const endsAt = clock.now() + SESSION_MS;
    const opened: Session = [this.#hash(secret), endsAt];
    await this.#change((sessions) => [...sessions, opened].slice(-MAX_SESSIONS));
    return { secret, endsAt };
  }

  /** When the session of this secret ends, ms since 1970; null when there is none any more. */
  async endOf(secret: string): Promise<number | null> {
    const hash = this.#hash(secret);
    return (await this.#live()).find(([each]) => each === hash)?.[1] ?? null;
  }

  async close(secret: string): Promise<void> {
    const hash = this.#hash(secret);
    if ((await this.endOf(secret)) === null) return;
    await this.#change((sessions) => sessions.filter(([each]) => each !== hash));
  }

  #hash(secret: string): string {
    const { secrets, operatorTokenHash } = this.#options;
    return secrets.hash(`${operatorTokenHash}.${secret}`);
  }

  /** Those that have not ended, in the order of their ends. */
  async #live(): Promise<Session[]> {
    const { directory, clock } = this.#options;
    const kept = JSON.parse((await directory.meta(KEY)) ?? '[]') as Session[];
    return kept.filter(([, endsAt]) => endsAt > clock.now());
  }

  async #change(step: (sessions: Session[]) => readonly Session[]): Promise<void> {
    const { directory, turns } = this.#options;
    await turns.run(async (base) => {
      const value = JSON.stringify(step(await this.#live()));
      await directory.commit([{ row: 'meta', key: KEY, value }], base);
    });
  }
}
