import type { Rule, Timing } from './expiry.ts';
import { claimEnd, isHere, lapse, liveSessions, verdictAt } from './expiry.ts';
import type { Claim, Feed, Mode, PresenceRecord, Session, Veil } from './record.ts';
import type { Own, Shown } from './shown.ts';
import { project } from './shown.ts';

/** What a mode rests on at one instant. Times in ms since 1970. */
export interface Grounds {
  /** What decided (semantics §5). */
  readonly rule: Rule;
  readonly claim:
    | (Omit<Claim, 'activeAt' | 'expiresAt'> & { readonly endsAt: number | null; readonly holds: boolean })
    | null;
  readonly sessions: readonly Omit<Session, 'id'>[];
  /** What real servers say. */
  readonly feeds: readonly Pick<Feed, 'origin' | 'mode' | 'endsAt'>[];
  /** What time alone will change, the next first. */
  readonly deadlines: readonly Deadline[];
}

export interface Deadline {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly what:
    | 'claim ends'
    | 'claim expires'
    | 'claim idles'
    | 'session ends'
    | 'session idles'
    | 'feed ends'
    | 'status ends';
}

/** Why somebody is shown as she is, for others. */
export interface Explanation {
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly shown: Shown;
  /** Null where she is out of sight by her own word, which it must not tell: then nothing is told but what is shown. */
  readonly grounds: Grounds | null;
}

/** The whole record, for whoever has given a reason to look. */
export interface Revelation {
  readonly own: Own;
  readonly grounds: Grounds;
  readonly veil: Veil | null;
}

/** Semantics §6: no byte of it differs between whoever is invisible and whoever has said offline. Pure. */
export function explain(stored: PresenceRecord, now: number, timing: Timing): Explanation {
  const record = lapse(stored, now, timing);
  const { shown } = project(record, now, timing);
  const isVeiled = record.veil !== null || record.claim?.mode === 'invisible';
  // A server where she is invisible says what one says where she is offline: nothing.
  const feeds = record.feeds.filter((feed) => isHere(feed, now));
  return { now, shown, grounds: isVeiled ? null : groundsOf({ ...record, feeds }, now, timing) };
}

/** Everything. Only for a reader whose reason has been kept. Pure. */
export function reveal(stored: PresenceRecord, now: number, timing: Timing): Revelation {
  const record = lapse(stored, now, timing);
  return {
    own: project(record, now, timing).own,
    grounds: groundsOf(record, now, timing),
    veil: record.veil,
  };
}

function groundsOf(record: PresenceRecord, now: number, timing: Timing): Grounds {
  const sessions = liveSessions(record.sessions, now);
  return {
    rule: verdictAt(record, now, timing).rule,
    claim: record.claim && claimGround(record.claim, now, timing),
    sessions: sessions.map(({ origin, mode, lastActivity, endsAt }) => ({
      origin,
      mode,
      lastActivity,
      endsAt,
    })),
    feeds: record.feeds.map(({ origin, mode, endsAt }) => ({ origin, mode, endsAt })),
    deadlines: deadlinesOf(record, timing).filter(({ at }) => at > now && at !== Infinity),
  };
}

function claimGround(claim: Claim, now: number, timing: Timing): Grounds['claim'] {
  const { mode, origin, at } = claim;
  const end = endOf(claim, timing);
  return { mode, origin, at, endsAt: end === Infinity ? null : end, holds: now < end };
}

/** When it ends if she does nothing; Infinity for never. */
function endOf(claim: Claim, timing: Timing): number {
  const stays = claim.mode === 'invisible' || claim.mode === 'offline';
  return Math.min(stays ? Infinity : claimEnd(claim, timing), claim.expiresAt ?? Infinity);
}

/** All instants of the record, in order; those that are over or never come are for the caller to leave out. */
function deadlinesOf(record: PresenceRecord, timing: Timing): Deadline[] {
  const { claim, status, sessions, feeds } = record;
  const found: Deadline[] = [
    ...sessions.map(({ endsAt }) => ({ at: endsAt, what: 'session ends' }) as const),
    ...sessions
      .filter(({ mode }) => ages(mode))
      .map(({ lastActivity }) => ({ at: lastActivity + timing.idleAfter, what: 'session idles' }) as const),
    ...feeds
      .filter((feed) => isHere(feed, -Infinity))
      .map(({ endsAt }) => ({ at: endsAt, what: 'feed ends' }) as const),
  ];
  if (typeof status?.expiresAt === 'number') found.push({ at: status.expiresAt, what: 'status ends' });
  if (claim) {
    const { expiresAt } = claim;
    if (expiresAt !== null) found.push({ at: expiresAt, what: 'claim expires' });
    const at = endOf(claim, timing);
    if (at !== expiresAt) found.push({ at, what: 'claim ends' });
    const active = record.lastActivity ?? claim.activeAt;
    if (ages(claim.mode)) found.push({ at: active + timing.idleAfter, what: 'claim idles' });
  }
  return found.sort((a, b) => a.at - b.at);
}

/** Whether the mode becomes idle without activity. */
function ages(mode: Mode): boolean {
  return mode === 'online' || mode === 'chat';
}
