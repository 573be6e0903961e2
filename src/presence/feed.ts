import type { Dialect } from './dialect.ts';
import { isHere, lapse, settledAt } from './expiry.ts';
import type { NetworkName } from './identity.ts';
import type { CustomStatus, Feed, Mode, PresenceRecord, SeenStatus, Written } from './record.ts';
import type { Rules } from './reduce.ts';
import { reduce } from './reduce.ts';

/** What a network's own server says of its user there. */
export interface Report {
  readonly network: NetworkName;
  readonly dialect: Dialect;
  readonly mode: Mode;
  /** Whether it is what she herself is told. What others are told is offline also while she is invisible. */
  readonly own: boolean;
  /** What the server shows as her status; absent when it does not say. */
  readonly status?: SeenStatus;
  /** When she was last active there, ms since 1970; null when it does not say. */
  readonly activeAt: number | null;
  /** How long it is believed without another word, ms since 1970. */
  readonly endsAt: number;
  /** Whether it may be the bridge's own word come back, which ends nothing that she said. */
  readonly echo?: boolean;
}

const NO_STATUS: SeenStatus = { text: null, emoji: null };

export function feedOf({ feeds }: PresenceRecord, network: NetworkName): Feed | null {
  return feeds.find(({ origin }) => origin === network) ?? null;
}

/** The record as if that network's server had said nothing: what can be told to it without telling it its own words. */
export function besides(record: PresenceRecord, network: NetworkName): PresenceRecord {
  return { ...record, feeds: record.feeds.filter(({ origin }) => origin !== network) };
}

/**
 * The record after a report at `now`. Pure; the same record when it says nothing new. It changes no claim, with three
 * exceptions: coming into sight ends an explicit offline, as a session that opens does (semantics §5), leaving ends
 * whatever else she said of herself on that network, and invisibility that was set or lifted there is set or lifted here.
 */
export function reduceReport(
  record: PresenceRecord,
  report: Report,
  now: number,
  rules: Rules,
): PresenceRecord {
  const before = feedOf(record, report.network);
  const feed = nextFeed(before, report);
  if (before && sameFeed(before, feed) && !isNewer(record, report)) return record;

  const current = lapse(record, now, rules.timing);
  const hidden = applyHiding(current, before?.mode ?? 'offline', feed.mode, report.dialect, now, rules);
  const left = before !== null && isHere(before, now) && feed.mode === 'offline' && report.echo !== true;
  const held = left ? withoutWordOf(hidden, report.network) : hidden;
  const status = nextStatus(held.status, before?.status ?? NO_STATUS, report);
  const next: PresenceRecord = {
    ...held,
    version: record.version + 1,
    feeds: [...record.feeds.filter((each) => each !== before), feed],
    status,
    lastActivity: latest(held.lastActivity, report.activeAt === null ? null : Math.min(report.activeAt, now)),
    veil: held.veil && !held.veil.sealed && status !== held.status ? { ...held.veil, status } : held.veil,
  };
  return { ...next, settledAt: settledAt(next, now, rules.timing) };
}

/** The record after the bridge wrote to that network's server in her name. Pure. */
export function reduceWritten(
  record: PresenceRecord,
  network: NetworkName,
  written: Written | null,
): PresenceRecord {
  const before = feedOf(record, network) ?? unfed(network);
  const feeds = [...record.feeds.filter(({ origin }) => origin !== network), { ...before, written }];
  return { ...record, version: record.version + 1, feeds };
}

/** The record with that network's feed believed until `endsAt`, if it says that she is there. Pure. */
export function reduceLease(
  record: PresenceRecord,
  network: NetworkName,
  endsAt: number,
  now: number,
  rules: Rules,
): PresenceRecord {
  const before = feedOf(record, network);
  if (!before || !isHere(before, now) || before.endsAt >= endsAt) return record;
  const feeds = [...record.feeds.filter((each) => each !== before), { ...before, endsAt }];
  const next = { ...lapse(record, now, rules.timing), version: record.version + 1, feeds };
  return { ...next, settledAt: settledAt(next, now, rules.timing) };
}

function unfed(origin: NetworkName): Feed {
  return { origin, mode: 'offline', status: NO_STATUS, endsAt: 0, written: null };
}

function nextFeed(before: Feed | null, report: Report): Feed {
  const mayHide = before?.mode === 'invisible' && report.mode === 'offline' && !report.own;
  return {
    origin: report.network,
    mode: mayHide ? 'invisible' : report.mode,
    status: report.status ?? before?.status ?? NO_STATUS,
    endsAt: report.endsAt,
    written: before?.written ?? null,
  };
}

function sameFeed(a: Feed, b: Feed): boolean {
  return a.mode === b.mode && sameStatus(a.status, b.status) && a.endsAt >= b.endsAt;
}

function isNewer({ lastActivity }: PresenceRecord, { activeAt }: Report): boolean {
  return activeAt !== null && activeAt > (lastActivity ?? 0);
}

/** What becomes of her own word when the server's word about her sight changes from `was` to `is`. */
function applyHiding(
  record: PresenceRecord,
  was: Mode,
  is: Mode,
  dialect: Dialect,
  now: number,
  rules: Rules,
): PresenceRecord {
  if (was === is) return record;
  const { claim } = record;
  const status = { kind: 'keep' } as const;
  if (is === 'invisible') {
    return claim?.mode === 'invisible' ? record : reduce(record, { dialect, mode: is, status }, now, rules);
  }
  const hidThere = was === 'invisible' && claim?.mode === 'invisible' && claim.origin === dialect.origin;
  if (is === 'offline') {
    return hidThere ? reduce(record, { dialect, mode: is, status }, now, rules) : record;
  }
  const cameBack = claim?.mode === 'offline' && (was === 'offline' || was === 'invisible');
  return hidThere || cameBack ? { ...record, claim: null, veil: null } : record;
}

/** Whoever left by the word of her network's server did not stay by what she said there through the bridge. */
function withoutWordOf(record: PresenceRecord, network: NetworkName): PresenceRecord {
  const { claim } = record;
  if (claim?.origin !== network || claim.mode === 'invisible' || claim.mode === 'offline') return record;
  return { ...record, claim: null, veil: null };
}

/** Only what has changed there counts: a server repeats an old status with every new word. */
function nextStatus(
  current: CustomStatus | null,
  before: SeenStatus,
  { status: said, dialect }: Report,
): CustomStatus | null {
  if (!said || sameStatus(said, before) || sameStatus(said, dialect.see(current))) return current;
  if (said.text === null && said.emoji === null) {
    return current?.origin === dialect.origin ? null : current;
  }
  return { ...said, origin: dialect.origin, expiresAt: null };
}

function sameStatus(a: SeenStatus, b: SeenStatus): boolean {
  return a.text === b.text && a.emoji === b.emoji;
}

function latest(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.max(a, b);
}
