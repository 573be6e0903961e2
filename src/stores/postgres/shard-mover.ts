import type { Client } from 'pg';
import type { Clock } from '../../presence/clock.ts';
import { StoreRefused } from '../refused.ts';
import { holdersOf } from './locks.ts';
import type { Primary } from './primary.ts';
import { MOVING_LOCK, OUTBOX_LOCK, SERVING_LOCK } from './schema.ts';
import type { Claim } from './sessions.ts';
import { Sessions } from './sessions.ts';
import { copyShard, refuseDifferent, removeRows } from './shard-copy.ts';
import type { ShardPlace } from './shard-places.ts';
import { placesOf } from './shard-places.ts';

const CLAIMS: readonly Claim[] = [
  { lock: MOVING_LOCK, mode: 'alone', problem: 'shards are being moved', advice: 'Wait until that is done' },
  {
    lock: SERVING_LOCK,
    mode: 'shared',
    problem: 'a migration has it to itself',
    advice: 'Wait until it is done',
  },
];

/** How nodes call themselves on their connections. */
const NODE = /^plexibridge \S+$/;

/** What a move has just done; in this order. */
export const MOVE_STEPS = [
  'copied',
  'closed',
  'caught-up',
  'readable',
  'mapped',
  'unreadable',
  'opened',
  'removed',
] as const;
export type MoveStep = (typeof MOVE_STEPS)[number];

export interface MoverOptions {
  /** Home first. */
  readonly primaries: readonly [Primary, ...Primary[]];
  readonly clock: Clock;
  /** Told of each step; a move waits for it. */
  readonly reached?: (step: MoveStep, shard: number) => Promise<void>;
}

export interface MoveReport {
  readonly shard: number;
  /** Records copied before the shard was closed. */
  readonly copied: number;
  /** How long it took no writes, ms; null where an earlier try had closed it. */
  readonly closedMs: number | null;
}

/**
 * Moves whole shards between primaries while nodes serve from both.
 *
 * A shard may be written where it is open, read where it has a row in `shards_here`, and is looked for where `shards` on
 * home says. Whoever finds it elsewhere reads that anew and tries again. No commit spans the three, so the order of the steps has
 * to keep, after each of them: (1) it is open at one primary at most, and then nobody else can be read; (2) where home says it is, it can
 * be read; (3) all that can be read is the same.
 *
 *     step         old primary     home says    new primary
 *     copied       open            old          -              a copy that nobody reads follows what changes
 *     closed       closed          old          -              writers wait; what is left to copy does not change any more
 *     caught-up    closed          old          -
 *     readable     closed          old          closed         the two are the same, and neither changes
 *     mapped       closed          new          closed
 *     unreadable   -               new          closed         whoever still comes here is sent on
 *     opened       -               new          open           no older copy can be read any more
 *     removed
 *
 * Each row tells what to do next, so that whoever comes after a crash goes on from there. What nobody reads is
 * copied anew; and before the new primary can be read, going back is opening the old one. A shard that is closed at both is decided
 * by home. Every step is taken on a session that holds the lock of movers at its primary: one who has lost it can do nothing there.
 */
export class ShardMover implements AsyncDisposable {
  readonly #options: MoverOptions;
  readonly #sessions: Sessions;

  private constructor(options: MoverOptions, sessions: Sessions) {
    this.#options = options;
    this.#sessions = sessions;
  }

  /** Throws `StoreRefused` while somebody else moves shards, and `store_unavailable` when a primary does not answer. */
  static async begin(options: MoverOptions): Promise<ShardMover> {
    const sessions = await Sessions.open(options.primaries, CLAIMS);
    const mover = new ShardMover(options, sessions);
    try {
      for (const primary of options.primaries) await makeDurable(sessions.at(primary));
      return mover;
    } catch (error) {
      await mover[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Where all shards are now. */
  places(): Promise<ShardPlace[]> {
    return placesOf(this.#options.primaries, this.#sessions);
  }

  /**
   * Moves a shard, or ends a move of it that was left halfway; does nothing for one that is there. Throws what the driver
   * throws, and `StoreRefused`: then it is as it was, or the next try ends it.
   */
  async move(shard: number, to: Primary): Promise<MoveReport> {
    await this.#refuseUnknown(to);
    const place = await this.#placeOf(shard);
    const began = { copied: 0, closedAt: null };
    const { copied, closedAt } = place.primary === to ? began : await this.#bring(place, to);
    // From here on home says that it is at `to`, where it can be read.
    for (const primary of this.#options.primaries) if (primary !== to) await this.#drop(primary, shard);
    await this.#reached('unreadable', shard);
    await this.#setOpen(to, shard, true);
    const closedMs = closedAt === null ? null : this.#options.clock.now() - closedAt;
    await this.#reached('opened', shard);
    for (const primary of this.#options.primaries) {
      if (primary !== to) await removeRows(this.#sessions.at(primary), shard);
    }
    await this.#reached('removed', shard);
    return { shard, copied, closedMs };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sessions[Symbol.asyncDispose]();
  }

  /** Up to where home says that it is there. */
  async #bring({ shard, primary: from, holders }: ShardPlace, to: Primary) {
    const [old, next] = [this.#sessions.at(from), this.#sessions.at(to)];
    const wasReadable = holders.get(from) === false && holders.get(to) === false;
    let copied = 0;
    let closedAt: number | null = null;
    if (!wasReadable) {
      await this.#drop(to, shard);
      await this.#setOpen(from, shard, true);
      const copy = await copyShard(old, next, shard);
      copied = copy.rows;
      await this.#reached('copied', shard);
      closedAt = this.#options.clock.now();
      try {
        await this.#setOpen(from, shard, false);
        await this.#reached('closed', shard);
        await copy.catchUp();
        await refuseDifferent(old, next, shard, from.place);
        await this.#reached('caught-up', shard);
      } catch (error) {
        // Nobody has been told of the new one: the old one just goes on.
        await this.#setOpen(from, shard, true).catch(() => undefined);
        throw error;
      }
      await next.query('INSERT INTO shards_here VALUES ($1, false)', [shard]);
    }
    await this.#reached('readable', shard);
    const home = this.#sessions.at(this.#options.primaries[0]);
    await home.query('UPDATE shards SET primary_id = $1 WHERE shard = $2', [to.id, shard]);
    await this.#reached('mapped', shard);
    return { copied, closedAt };
  }

  /** Every write is over that found it as it was, since writes hold the lock of the outbox, also while they are only prepared. */
  async #setOpen(primary: Primary, shard: number, open: boolean): Promise<void> {
    const client = this.#sessions.at(primary);
    await client.query('BEGIN');
    try {
      await client.query('SELECT pg_advisory_xact_lock($1)', [OUTBOX_LOCK]);
      const { rowCount } = await client.query('UPDATE shards_here SET open = $1 WHERE shard = $2', [
        open,
        shard,
      ]);
      if (rowCount !== 1)
        throw new StoreRefused(primary.place, `shard ${shard} is not here`, 'Restore a backup');
      await client.query('COMMIT');
    } catch (error) {
      await client.query('ROLLBACK').catch(() => undefined);
      throw error;
    }
  }

  async #drop(primary: Primary, shard: number): Promise<void> {
    await this.#sessions.at(primary).query('DELETE FROM shards_here WHERE shard = $1', [shard]);
  }

  async #placeOf(shard: number): Promise<ShardPlace> {
    const place = (await this.places()).find((each) => each.shard === shard);
    if (!place) throw new RangeError(`there is no shard ${shard}`);
    if (place.holders.has(place.primary)) return place;
    // An older copy of a database took over. Whatever is elsewhere may be the last copy: nothing is touched.
    const problem = `shard ${shard} should be here and is not, as if this were an older copy of the database`;
    throw new StoreRefused(place.primary.place, problem, 'Bring the newer one back');
  }

  /** A node that does not know the new primary could not reach its people any more. */
  async #refuseUnknown(to: Primary): Promise<void> {
    const [home] = this.#options.primaries;
    const nodes = async (primary: Primary) =>
      (await holdersOf(this.#sessions.at(primary), SERVING_LOCK)).filter((name) => NODE.test(name));
    const known = new Set(await nodes(to));
    const strangers = (await nodes(home)).filter((name) => !known.has(name));
    if (strangers.length === 0) return;
    const problem = `${strangers.join(', ')} does not serve from it`;
    throw new StoreRefused(
      to.place,
      problem,
      'Name it in store.shards of every node, and restart them first',
    );
  }

  async #reached(step: MoveStep, shard: number): Promise<void> {
    await this.#options.reached?.(step, shard);
  }
}

/** A step that a crash takes back would undo the order: where the server may forget commits, these it may not. */
async function makeDurable(client: Client): Promise<void> {
  await client.query(
    `SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'`,
  );
}
