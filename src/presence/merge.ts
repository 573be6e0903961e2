import type { PresenceRecord } from './record.ts';

/**
 * The record of a person made of two by a link: the newest explicit write wins (semantics §1). The other's status
 * fills an empty one, unless it may have been written unseen. The version exceeds both.
 */
export function mergeRecords(a: PresenceRecord, b: PresenceRecord): PresenceRecord {
  const [winner, other] = (b.claim?.at ?? -1) > (a.claim?.at ?? -1) ? [b, a] : [a, b];
  const spare = other.veil ? null : other.status;
  return {
    version: Math.max(a.version, b.version) + 1,
    claim: winner.claim,
    sessions: [...winner.sessions, ...other.sessions],
    status: winner.status ?? spare,
    lastActivity: latest(winner.lastActivity, other.veil ? null : other.lastActivity),
    veil: winner.veil,
    settledAt: latest(winner.settledAt, other.settledAt),
  };
}

function latest(a: number | null, b: number | null): number | null {
  return a === null ? b : b === null ? a : Math.max(a, b);
}
