import { randomUUID } from 'node:crypto';
import type { Clock } from '../../presence/clock.ts';
import type { StoreLogger } from '../logger.ts';
import type { Primary } from './primary.ts';
import { sqlState, UNDEFINED_OBJECT } from './primary.ts';
import { CHANNEL } from './schema.ts';

/** Names our prepared transactions among others on a server. */
const PREFIX = 'plexibridge';
/** The age from which a prepared transaction is taken for one whose node has died, ms. */
const ORPHAN_MS = 5_000;
/** Between two looks for such, ms. */
const LOOK_MS = 5_000;
/** How long a decision is kept at least, in hours. Aborts are kept for ever: a node that was halted may still mean to commit. */
const KEPT_HOURS = 1;

/** A name for a commit that spans primaries, known to its home. */
export function newCommitName(home: Primary): string {
  return `${PREFIX}:${home.id}:${randomUUID()}`;
}

/** The part of a commit that one primary has; two primaries may be databases of one server, which has all such names in one list. */
export function nameOfPart(gid: string, primary: Primary): string {
  return `${gid}:${primary.id}`;
}

/** Ends the part that was prepared at a primary as it was decided; one that has ended already is well. Errors as in `Primary`. */
export async function conclude(primary: Primary, gid: string, outcome: string): Promise<void> {
  try {
    await primary.query(
      `${outcome === 'commit' ? 'COMMIT' : 'ROLLBACK'} PREPARED '${nameOfPart(gid, primary)}'`,
    );
  } catch (error) {
    if (sqlState(error) !== UNDEFINED_OBJECT) throw error;
  }
  if (outcome === 'commit') await primary.query(`NOTIFY ${CHANNEL}`);
}

/** What became of a commit: whoever asks first while it is undecided ends it. Errors as in `Primary`. */
export async function decisionOn(home: Primary, gid: string): Promise<string> {
  const [row] = await home.query<{ outcome: string }>('SELECT abandon($1) AS outcome', [gid]);
  return row?.outcome ?? 'abort';
}

export interface RecoveryOptions {
  readonly home: Primary;
  readonly others: readonly Primary[];
  readonly clock: Clock;
  readonly logger: StoreLogger;
}

/**
 * Brings commits to an end whose node died between the primaries: all of them or none. Until then the primaries concerned
 * take no writes.
 */
export class Recovery implements AsyncDisposable {
  readonly #options: RecoveryOptions;
  #timer: Disposable | null = null;
  #running: Promise<void> | null = null;
  #closed = false;

  constructor(options: RecoveryOptions) {
    this.#options = options;
  }

  /** Looks from time to time until disposed. */
  start(): this {
    this.#timer = this.#options.clock.after(LOOK_MS, () => {
      this.#running = this.look().finally(() => {
        this.#running = null;
        if (!this.#closed) this.start();
      });
    });
    return this;
  }

  /** Looks once; what cannot be ended now is logged, and left for the next time. */
  async look(): Promise<void> {
    try {
      await this.run();
    } catch (err) {
      this.#options.logger.error({ err }, 'commits that were left halfway could not be ended yet');
    }
  }

  /** Ends what is there to end by now. Errors as in `Primary`. */
  async run(olderThanMs = ORPHAN_MS): Promise<void> {
    const { home, others, logger } = this.#options;
    const open: string[] = [];
    for (const primary of others) {
      for (const { gid, orphaned } of await preparedAt(primary, home, olderThanMs)) {
        open.push(gid);
        if (!orphaned) continue;
        const outcome = await decisionOn(home, gid);
        await conclude(primary, gid, outcome);
        logger.warn(`a commit that its node left halfway has been ended: ${outcome}`);
      }
    }
    await home.query(
      `DELETE FROM decisions
       WHERE outcome = 'commit' AND at < now() - make_interval(hours => $1) AND gid <> ALL ($2)`,
      [KEPT_HOURS, open],
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#timer?.[Symbol.dispose]();
    await this.#running;
  }
}

function preparedAt(primary: Primary, home: Primary, olderThanMs: number) {
  return primary.query<{ gid: string; orphaned: boolean }>(
    `SELECT left(gid, -length($3)) AS gid, prepared <= clock_timestamp() - make_interval(secs => $2) AS orphaned FROM pg_prepared_xacts
     WHERE database = current_database() AND gid LIKE $1 || $3`,
    [`${PREFIX}:${home.id}:%`, olderThanMs / 1_000, nameOfPart('', primary)],
  );
}
