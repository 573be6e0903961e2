import type { NetworkName } from '../presence/identity.ts';
import type {
  Claim,
  CustomStatus,
  Feed,
  Mode,
  Origin,
  PresenceRecord,
  Session,
  SessionMode,
  Veil,
  Written,
} from '../presence/record.ts';
import { MODES } from '../presence/record.ts';

/** Names that are remembered; a store does not hold so many. */
const MAX_ORIGINS = 100;

/** A record as every store keeps it: a JSON tuple, some 70 to 130 bytes; the last place is left out where nobody feeds it. */
export function encodeRecord(record: PresenceRecord): string {
  const { version, claim, status, lastActivity, veil, sessions, settledAt, feeds } = record;
  return JSON.stringify([
    version,
    claim && encodeClaim(claim),
    status && encodeStatus(status),
    lastActivity,
    veil && [veil.lastActivity, veil.status && encodeStatus(veil.status), veil.sealed],
    sessions.map((each) => [each.id, each.origin, each.mode, each.lastActivity, each.endsAt]),
    settledAt,
    ...(feeds.length === 0 ? [] : [feeds.map(encodeFeed)]),
  ]);
}

/** Throws a plain Error when the text is not what `encodeRecord` wrote. */
export function decodeRecord(text: string): PresenceRecord {
  const values = list(JSON.parse(text));
  const [version, claim, status, lastActivity, veil, sessions, settledAt, feeds] = tuple(
    values.length === 7 ? [...values, []] : values,
    8,
  );
  return {
    version: whole(version),
    claim: orNull(claim, decodeClaim),
    status: orNull(status, decodeStatus),
    lastActivity: orNull(lastActivity, whole),
    veil: orNull(veil, decodeVeil),
    sessions: mapped(sessions, decodeSession),
    settledAt: orNull(settledAt, whole),
    feeds: mapped(feeds, decodeFeed),
  };
}

function encodeStatus({ text, emoji, origin, expiresAt }: CustomStatus): unknown[] {
  return [text, emoji, origin, expiresAt];
}

function encodeClaim({ mode, origin, at, activeAt, expiresAt }: Claim): unknown[] {
  return [mode, origin, at, activeAt - at, ...(expiresAt === null ? [] : [expiresAt])];
}

function decodeClaim(value: unknown): Claim {
  const values = list(value);
  const [mode, origin, said, quiet, expiresAt] = tuple(values.length === 4 ? [...values, null] : values, 5);
  const at = whole(said);
  return {
    mode: modeFrom(mode),
    origin: originFrom(origin),
    at,
    activeAt: at + whole(quiet),
    expiresAt: orNull(expiresAt, whole),
  };
}

function decodeSession(value: unknown): Session {
  const [id, origin, mode, lastActivity, endsAt] = tuple(value, 5);
  return {
    id: string(id),
    origin: originFrom(origin),
    mode: sessionModeFrom(mode),
    lastActivity: whole(lastActivity),
    endsAt: whole(endsAt),
  };
}

function encodeFeed({ origin, mode, status, endsAt, written }: Feed): unknown[] {
  return [origin, mode, status.text, status.emoji, endsAt, written && [written.mode, written.at]];
}

function decodeFeed(value: unknown): Feed {
  const [origin, mode, text, emoji, endsAt, written] = tuple(value, 6);
  return {
    origin: string(origin) as NetworkName,
    mode: modeFrom(mode),
    status: { text: orNull(text, string), emoji: orNull(emoji, string) },
    endsAt: whole(endsAt),
    written: orNull(written, decodeWritten),
  };
}

function decodeWritten(value: unknown): Written {
  const [mode, at] = tuple(value, 2);
  const written = modeFrom(mode);
  if (written === 'invisible') throw damaged();
  return { mode: written, at: whole(at) };
}

function sessionModeFrom(value: unknown): SessionMode {
  const mode = modeFrom(value);
  if (mode === 'offline' || mode === 'invisible') throw damaged();
  return mode;
}

function decodeStatus(value: unknown): CustomStatus {
  const [text, emoji, origin, expiresAt] = tuple(value, 4);
  return {
    text: orNull(text, string),
    emoji: orNull(emoji, string),
    origin: originFrom(origin),
    expiresAt: orNull(expiresAt, whole),
  };
}

function decodeVeil(value: unknown): Veil {
  const [lastActivity, status, sealed] = tuple(value, 3);
  if (typeof sealed !== 'boolean') throw damaged();
  return { lastActivity: orNull(lastActivity, whole), status: orNull(status, decodeStatus), sealed };
}

function orNull<T>(value: unknown, decode: (value: unknown) => T): T | null {
  return value === null ? null : decode(value);
}

function tuple(value: unknown, length: number): unknown[] {
  const values = list(value);
  if (values.length !== length) throw damaged();
  return values;
}

function list(value: unknown): unknown[] {
  if (!Array.isArray(value)) throw damaged();
  return value;
}

/** Most people have none, and share it: a list of one's own would be an eighth of what is remembered of them. */
const NONE: readonly never[] = [];

function mapped<T>(value: unknown, decode: (value: unknown) => T): readonly T[] {
  const values = list(value);
  return values.length === 0 ? NONE : values.map(decode);
}

function whole(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw damaged();
  return value;
}

function string(value: unknown): string {
  if (typeof value !== 'string') throw damaged();
  return value;
}

function modeFrom(value: unknown): Mode {
  const mode = MODES.find((known) => known === value);
  if (!mode) throw damaged();
  return mode;
}

/** Networks are few, and each record would otherwise hold copies of their names. */
const origins = new Map<string, Origin>();

function originFrom(value: unknown): Origin {
  const text = string(value);
  const known = origins.get(text);
  if (known !== undefined) return known;
  const origin = text as Origin;
  if (origins.size < MAX_ORIGINS) origins.set(text, origin);
  return origin;
}

function damaged(): Error {
  return new Error('damaged presence record');
}
