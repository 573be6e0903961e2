import type { Timing } from './expiry.ts';
import { lapse, liveSessions, settledAt } from './expiry.ts';
import type { PresenceRecord, Session } from './record.ts';

/**
 * The record of a person made of two by a link: the newest explicit write wins (semantics §1). What the other did out of
 * sight stays there: only of a record without a veil are status, activity and sessions taken over. The version exceeds both.
 */
export function mergeRecords(
  first: PresenceRecord,
  second: PresenceRecord,
  now: number,
  timing: Timing,
): PresenceRecord {
  const [a, b] = [lapse(first, now, timing), lapse(second, now, timing)];
  const [winner, loser] = (b.claim?.at ?? -1) > (a.claim?.at ?? -1) ? [b, a] : [a, b];
  const other = loser.veil ? { status: null, lastActivity: null, sessions: [], feeds: [] } : loser;
  const merged: PresenceRecord = {
    version: Math.max(a.version, b.version) + 1,
    claim: winner.claim,
    sessions: uniteSessions(liveSessions(winner.sessions, now), liveSessions(other.sessions, now)),
    feeds: [...winner.feeds, ...other.feeds.filter(({ origin }) => !hasFeed(winner, origin))],
    status: winner.status ?? other.status,
    lastActivity: latest(winner.lastActivity, other.lastActivity),
    veil: winner.veil,
    settledAt: null,
  };
  return { ...merged, settledAt: settledAt(merged, now, timing) };
}

function uniteSessions(mine: readonly Session[], others: readonly Session[]): readonly Session[] {
  const known = (session: Session) =>
    mine.some(({ id, origin }) => id === session.id && origin === session.origin);
  return [...mine, ...others.filter((session) => !known(session))];
}

function hasFeed({ feeds }: PresenceRecord, network: string): boolean {
  return feeds.some(({ origin }) => origin === network);
}

function latest(a: number | null, b: number | null): number | null {
  return a === null ? b : b === null ? a : Math.max(a, b);
}
