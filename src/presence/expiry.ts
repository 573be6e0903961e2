import type { Availability, Claim, CustomStatus, Feed, Mode, PresenceRecord, Session } from './record.ts';

/** Durations in ms; Infinity means never. */
export interface Timing {
  /** Online or chat without activity for this long counts as idle. */
  readonly idleAfter: number;
  /** A claim without activity for this long holds only while there is a session. */
  readonly claimTtl: number;
  /** The same for dnd. */
  readonly busyTtl: number;
}

/** The order in which sessions and claim outbid each other (semantics §5.6). */
const BEST_FIRST: readonly Availability[] = ['chat', 'online', 'idle'];

/** What decided what she is: her own word, what a connection says, the best of all of them, or that there is nothing. */
export type Rule = 'said' | 'connected' | 'best' | 'nothing';

interface Verdict {
  readonly mode: Mode;
  readonly rule: Rule;
}

/** What she is at `now`, timers applied, to the millisecond (semantics §5). */
export function modeAt(record: PresenceRecord, now: number, timing: Timing): Mode {
  return verdictAt(record, now, timing).mode;
}

/**
 * The record without a claim whose time is over at `now`. Who was invisible until then and is nowhere connected has not
 * come back: she is offline by her own word, as if she had left, until she does (semantics §6). Pure; the same record when
 * there is nothing to end.
 */
export function lapse(record: PresenceRecord, now: number, timing: Timing): PresenceRecord {
  const { claim, veil } = record;
  if (claim?.expiresAt == null || now < claim.expiresAt) return record;
  const silent = { ...record, claim: null };
  const stays = veil !== null && verdictOf(silent, claim.expiresAt, timing).mode === 'offline';
  if (stays) return { ...record, claim: { ...claim, mode: 'offline', expiresAt: null } };
  return { ...silent, veil: null };
}

/** The same, and why. */
export function verdictAt(record: PresenceRecord, now: number, timing: Timing): Verdict {
  return verdictOf(lapse(record, now, timing), now, timing);
}

function verdictOf(record: PresenceRecord, now: number, timing: Timing): Verdict {
  const { claim } = record;
  if (claim?.mode === 'invisible' || claim?.mode === 'offline') return { mode: claim.mode, rule: 'said' };
  const sessions = liveSessions(record.sessions, now);
  const fed = record.feeds.filter((feed) => isHere(feed, now)).map(({ mode }) => mode);
  const claimed = claim !== null && now < claimEnd(claim, timing);
  if (sessions.length === 0 && fed.length === 0 && !claimed) return { mode: 'offline', rule: 'nothing' };
  if (claim?.mode === 'dnd') return { mode: 'dnd', rule: 'said' };
  const dnd = fed.includes('dnd') || sessions.some(({ mode }) => mode === 'dnd');
  if (dnd) return { mode: 'dnd', rule: 'connected' };
  if (claim?.mode === 'idle') return { mode: 'idle', rule: 'said' };

  const aged = (mode: Availability, lastActivity: number): Availability =>
    now < lastActivity + timing.idleAfter ? mode : 'idle';
  const bids: Mode[] = [...fed, ...sessions.map(({ mode, lastActivity }) => aged(mode, lastActivity))];
  if (claim) bids.push(aged(claim.mode, record.lastActivity ?? claim.activeAt));
  return { mode: BEST_FIRST.find((mode) => bids.includes(mode)) ?? 'idle', rule: 'best' };
}

export function liveSessions(sessions: readonly Session[], now: number): readonly Session[] {
  return sessions.every(({ endsAt }) => now < endsAt)
    ? sessions
    : sessions.filter(({ endsAt }) => now < endsAt);
}

/** Whether the server that feeds us has said that others can see her there, and is still believed. */
export function isHere({ mode, endsAt }: Feed, now: number): boolean {
  return now < endsAt && mode !== 'offline' && mode !== 'invisible';
}

/** When the claim ceases to hold by itself, ms since 1970. */
export function claimEnd({ mode, activeAt }: Claim, { claimTtl, busyTtl }: Timing): number {
  return activeAt + (mode === 'dnd' ? busyTtl : claimTtl);
}

/** The status as it stands at `now`, or null once it has expired. */
export function statusAt(status: CustomStatus | null, now: number): CustomStatus | null {
  if (!status) return null;
  return status.expiresAt !== null && now >= status.expiresAt ? null : status;
}

/** The next instant after `now` at which the passing of time may change what is seen of the record; null when never. */
export function nextChange(record: PresenceRecord, now: number, timing: Timing): number | null {
  const coming = instants(record, timing).filter((at) => at > now && at !== Infinity);
  return coming.length === 0 ? null : Math.min(...coming);
}

/** The last such instant; null when there is none after `now`. */
export function settledAt(record: PresenceRecord, now: number, timing: Timing): number | null {
  const coming = instants(record, timing).filter((at) => at > now && at !== Infinity);
  return coming.length === 0 ? null : Math.max(...coming);
}

function instants(record: PresenceRecord, timing: Timing): number[] {
  const { claim, sessions, feeds, status, lastActivity, veil } = record;
  const statuses = [status, veil?.status].map((each) => each?.expiresAt ?? Infinity);
  const leases = feeds.filter((feed) => isHere(feed, -Infinity)).map(({ endsAt }) => endsAt);
  const ends = claim?.expiresAt ?? Infinity;
  const stays = claim?.mode === 'invisible' || claim?.mode === 'offline';
  if (stays && ends === Infinity) return [...statuses, ...leases];
  return [
    ...statuses,
    ...leases,
    ends,
    (lastActivity ?? -Infinity) + timing.idleAfter,
    claim ? claimEnd(claim, timing) : -Infinity,
    ...sessions.flatMap((session) => [session.endsAt, session.lastActivity + timing.idleAfter]),
  ];
}
