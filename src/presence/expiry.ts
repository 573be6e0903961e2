import type { CustomStatus, Mode, PresenceRecord } from './record.ts';

/** Durations in ms; Infinity means never. */
export interface Timing {
  /** Online or chat without activity for this long counts as idle. */
  readonly idleAfter: number;
  /** A claim without activity for this long counts as offline. */
  readonly claimTtl: number;
}

/** The availability she has at `now`, timers applied, to the millisecond (semantics §5). */
export function modeAt(record: PresenceRecord, now: number, timing: Timing): Mode {
  const { claim, lastActivity } = record;
  if (!claim) return 'offline';
  if (claim.mode === 'invisible' || claim.mode === 'offline') return claim.mode;
  const quiet = now - (lastActivity ?? claim.at);
  if (quiet >= timing.claimTtl) return 'offline';
  if (claim.mode === 'dnd' || claim.mode === 'idle') return claim.mode;
  return quiet >= timing.idleAfter ? 'idle' : claim.mode;
}

/** The status as it stands at `now`, or null once it has expired. */
export function statusAt(status: CustomStatus | null, now: number): CustomStatus | null {
  if (!status) return null;
  return status.expiresAt !== null && now >= status.expiresAt ? null : status;
}
