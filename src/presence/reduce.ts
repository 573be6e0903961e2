import type { Dialect } from './dialect.ts';
import { canExpress } from './dialect.ts';
import type { Timing } from './expiry.ts';
import { lapse, liveSessions, settledAt } from './expiry.ts';
import type { Claim, CustomStatus, Mode, PresenceRecord, Session, Veil } from './record.ts';
import type { Signal } from './signal.ts';
import type { Own, Shown } from './shown.ts';
import { project } from './shown.ts';

/** What a write says of the custom status. */
export type StatusEdit =
  | { readonly kind: 'keep' }
  | { readonly kind: 'clear' }
  /** Clears only what came from the writer's own network. */
  | { readonly kind: 'clear-own' }
  | {
      readonly kind: 'set';
      /** Absent leaves the text alone. */
      readonly text?: string;
      /** Null clears the emoji. */
      readonly emoji: string | null;
      /** Milliseconds since 1970; null for ever; absent leaves the expiry of an echoed status alone. */
      readonly expiresAt?: number | null;
    };

export interface ExplicitWrite {
  readonly dialect: Dialect;
  readonly mode: Mode;
  readonly status: StatusEdit;
  /** When the mode ends, ms since 1970; null for never; absent leaves the end of an echoed mode alone. */
  readonly expiresAt?: number | null;
}

export interface Rules {
  readonly timing: Timing;
  /** `translation.sticky`: a dialect that cannot say dnd or invisible does not lift them. */
  readonly sticky: boolean;
  /** The most sessions one person may have; the one that ends first makes room for another. */
  readonly maxSessions: number;
}

/** The record after an explicit write at `now` (semantics §4). Pure; the version always grows by one. */
export function reduce(
  stored: PresenceRecord,
  write: ExplicitWrite,
  now: number,
  rules: Rules,
): PresenceRecord {
  const record = lapse(stored, now, rules.timing);
  const { own, shown } = project(record, now, rules.timing);
  const claim = nextClaim(record.claim, own.mode, write, now, rules.sticky);
  const status = nextStatus(own, write);
  const next: PresenceRecord = {
    version: record.version + 1,
    claim,
    sessions: liveSessions(record.sessions, now),
    feeds: record.feeds,
    status,
    lastActivity: now, // semantics §4.4
    veil: nextVeil(record.veil, shown, claim, status, write, now),
    settledAt: null,
  };
  return { ...next, settledAt: settledAt(next, now, rules.timing) };
}

/** The record after an automatic signal at `now` (semantics §5). Pure; the same record when the signal says nothing new. */
export function reduceSignal(
  record: PresenceRecord,
  signal: Signal,
  now: number,
  rules: Rules,
): PresenceRecord {
  const live = liveSessions(record.sessions, now);
  const before = live.find(({ id, origin }) => id === signal.id && origin === signal.origin);
  const session = nextSession(before, signal, now);
  if (session === before && live === record.sessions) return record;
  const current = lapse(record, now, rules.timing);

  const others = live.filter((each) => each !== before);
  const opens = session !== undefined && before === undefined;
  // §5: a session that opens ends an explicit offline, and with it whatever was left of being out of sight.
  const returns = opens && current.claim?.mode === 'offline';
  const next: PresenceRecord = {
    ...current,
    version: record.version + 1,
    claim: returns ? null : current.claim,
    veil: returns ? null : current.veil,
    sessions: session && session.endsAt > now ? [...makeRoom(others, rules.maxSessions), session] : others,
    lastActivity: session ? Math.max(record.lastActivity ?? 0, session.lastActivity) : record.lastActivity,
  };
  return { ...next, settledAt: settledAt(next, now, rules.timing) };
}

function nextSession(before: Session | undefined, signal: Signal, now: number): Session | undefined {
  if (signal.kind === 'session-end') {
    const isRenewed = signal.leased !== undefined && before?.endsAt !== signal.leased;
    return before && !isRenewed && before.endsAt > signal.endsAt
      ? { ...before, endsAt: signal.endsAt }
      : before;
  }
  const { id, origin, mode, active, endsAt } = signal;
  return { id, origin, mode, endsAt, lastActivity: active || !before ? now : before.lastActivity };
}

function makeRoom(sessions: readonly Session[], max: number): readonly Session[] {
  if (sessions.length < max) return sessions;
  const first = Math.min(...sessions.map(({ endsAt }) => endsAt));
  const leaving = sessions.findIndex(({ endsAt }) => endsAt === first);
  return sessions.filter((_, index) => index !== leaving);
}

function nextClaim(
  claim: Claim | null,
  seen: Mode,
  write: ExplicitWrite,
  now: number,
  sticky: boolean,
): Claim {
  const { dialect, mode } = write;
  const said = dialect.words[mode];
  // An echo (§4.1) repeats the claim itself. The word of a timer (idle, offline) written back is a new claim:
  // the activity of the write would otherwise undo just what it says.
  const echoed = claim && dialect.words[seen] === said && dialect.words[claim.mode] === said;
  if (echoed) return { ...claim, activeAt: now, expiresAt: expiryOf(claim.mode, write, claim.expiresAt) };
  if (claim && sticky && isHeld(claim, write)) return { ...claim, activeAt: now };
  // Going from invisible to offline is no news to others, so a link must not find it newer than the going.
  const at = claim?.mode === 'invisible' && mode === 'offline' ? claim.at : now;
  return { mode, origin: dialect.origin, at, activeAt: now, expiresAt: expiryOf(mode, write, null) };
}

/** Being offline has no end of its own: whoever is connected again ends it. */
function expiryOf(mode: Mode, { expiresAt }: ExplicitWrite, before: number | null): number | null {
  if (mode === 'offline') return null;
  return expiresAt === undefined ? before : expiresAt;
}

/** Semantics §4.2: dnd and invisible are lifted by whoever set them or can say them; `offline` ends dnd. */
function isHeld(claim: Claim, { dialect, mode }: ExplicitWrite): boolean {
  if (claim.mode !== 'dnd' && claim.mode !== 'invisible') return false;
  if (claim.origin === dialect.origin || canExpress(dialect, claim.mode)) return false;
  return !(claim.mode === 'dnd' && mode === 'offline');
}

function nextStatus(own: Own, { dialect, status: edit }: ExplicitWrite): CustomStatus | null {
  const current = own.status;
  if (edit.kind === 'keep') return current;
  if (edit.kind === 'clear') return null;
  if (edit.kind === 'clear-own') return current?.origin === dialect.origin ? null : current;

  const seen = dialect.see(current);
  const echoedText = current !== null && (edit.text === undefined || edit.text === seen.text);
  if (echoedText && edit.emoji === seen.emoji) {
    return edit.expiresAt === undefined ? current : { ...current, expiresAt: edit.expiresAt };
  }
  const text = echoedText ? current.text : (edit.text ?? null);
  if (text === null && edit.emoji === null) return null;
  return { text, emoji: edit.emoji, origin: dialect.origin, expiresAt: edit.expiresAt ?? null };
}

/** Semantics §6: leaving by `offline` and by `invisible` look the same; only a visible mode lifts the veil. */
function nextVeil(
  veil: Veil | null,
  shown: Shown,
  claim: Claim,
  status: CustomStatus | null,
  write: ExplicitWrite,
  now: number,
): Veil | null {
  if (claim.mode !== 'offline' && claim.mode !== 'invisible') return null;
  const lastActivity = shown.mode === 'offline' ? shown.lastActivity : now;
  const sealed = claim.mode === 'invisible' || (veil?.sealed ?? false);
  const speaks = write.status.kind !== 'keep' && !sealed;
  return { lastActivity, status: speaks ? status : shown.status, sealed };
}
