import type { Clock } from '../../presence/clock.ts';
import type { StoreLogger } from '../logger.ts';
import type { Primary } from './primary.ts';
import { MOVING_LOCK, OUTBOX_LOCK, SERVING_LOCK } from './schema.ts';
import type { Claim } from './sessions.ts';
import { Sessions } from './sessions.ts';
import { Recovery } from './two-phase.ts';

/** How long a write under way may take to end, ms. */
const LAST_WRITE_MS = 10_000;

const CLAIMS: readonly Claim[] = [
  { lock: SERVING_LOCK, mode: 'alone', problem: 'it is being served from', advice: 'Stop all nodes first' },
  { lock: MOVING_LOCK, mode: 'alone', problem: 'shards are being moved', advice: 'Wait until that is done' },
];

/**
 * Takes a store that nobody serves from: no node starts, and one that was cut off and is not known to run can write nothing.
 * Commits that were left halfway are ended. Throws `StoreRefused` when it is in use.
 */
export async function takeAlone(
  [home, ...others]: readonly [Primary, ...Primary[]],
  clock: Clock,
  logger: StoreLogger,
): Promise<Sessions> {
  const primaries = [home, ...others];
  const sessions = await Sessions.open(primaries, CLAIMS);
  try {
    await new Recovery({ home, others, clock, logger }).run(0);
    for (const primary of primaries) {
      const client = sessions.at(primary);
      await client.query(`SET lock_timeout = ${LAST_WRITE_MS}`);
      await client.query('SELECT pg_advisory_lock($1)', [OUTBOX_LOCK]);
    }
    return sessions;
  } catch (error) {
    await sessions[Symbol.asyncDispose]();
    throw error;
  }
}
