import { modeOf } from '../../presence/dialect.ts';
import { BridgeError } from '../../presence/errors.ts';
import type { Profile } from '../../presence/identity.ts';
import type { SessionMode } from '../../presence/record.ts';
import type { ExplicitWrite, StatusEdit } from '../../presence/reduce.ts';
import type { Own, Shown } from '../../presence/shown.ts';
import type { MatrixDialect } from './dialect.ts';
import type { PresenceFilter } from './filter.ts';
import { decodeFilterParam, NO_FILTER } from './filter.ts';
import { parseUserId } from './ids.ts';
import { parse } from './parse.ts';
import type { EventContent, LegacyEvent, PresenceContent, PresenceEvent, SyncEvent } from './wire.ts';
import { eventsQuery, listBody, presenceBody, syncQuery } from './wire.ts';

/** How long after her last activity somebody counts as currently active, ms (semantics §7). */
const ACTIVE_WITHIN = 60_000;

/** Reads a PUT status body. Throws `bad_json`. */
export function decodePresence(body: unknown, dialect: MatrixDialect): ExplicitWrite {
  const { presence, status_msg } = parse(presenceBody, body, 'bad_json');
  const mode = modeOf(dialect, presence);
  if (!mode) throw new BridgeError('bad_json', 'presence: No such state');
  return { dialect, mode, status: decodeStatus(status_msg) };
}

/** Semantics §4.5. */
function decodeStatus(message: string | undefined): StatusEdit {
  if (message === undefined) return { kind: 'clear-own' };
  return message === '' ? { kind: 'clear' } : { kind: 'set', text: message, emoji: null };
}

/** Reads a POST list body; empty entries are skipped. Throws `bad_json`, and `bad_parameter` for a malformed id. */
export function decodeListChange(body: unknown): { invite: string[]; drop: string[] } {
  const { invite, drop } = parse(listBody, body, 'bad_json');
  return { invite: readIds(invite), drop: readIds(drop) };
}

function readIds(texts: readonly string[]): string[] {
  return texts
    .filter((text) => text !== '')
    .map((text) => {
      const id = parseUserId(text);
      if (id === null) throw new BridgeError('bad_parameter', 'Malformed user id');
      return id;
    });
}

/** What `set_presence` says of the device; `offline` is no statement at all (Matrix §syncing). */
const SYNC_MODES = { online: 'online', unavailable: 'idle', offline: null } as const;

export interface SyncRequest {
  readonly since: string | null;
  /** How long to wait for news, ms. */
  readonly timeoutMs: number;
  /** Null: the request says nothing of its user. */
  readonly mode: SessionMode | null;
  readonly fullState: boolean;
  readonly filter: PresenceFilter;
}

/** Reads the query of GET sync. Throws `bad_parameter`, and `bad_json` for an inline filter of the wrong shape. */
export function decodeSyncQuery(query: unknown): SyncRequest {
  const { since, timeout, set_presence, filter, full_state } = parse(syncQuery, query, 'bad_parameter');
  return {
    since: since ?? null,
    timeoutMs: timeout,
    mode: SYNC_MODES[set_presence],
    fullState: full_state === 'true',
    filter: filter === undefined ? NO_FILTER : decodeFilterParam(filter),
  };
}

/** Reads the query of GET events. Throws `bad_parameter`. */
export function decodeEventsQuery(query: unknown): Pick<SyncRequest, 'since' | 'timeoutMs'> {
  const { from, timeout } = parse(eventsQuery, query, 'bad_parameter');
  return { since: from ?? null, timeoutMs: timeout };
}

/** The answer to GET status; `now` in ms since 1970. */
export function encodePresence(face: Own | Shown, dialect: MatrixDialect, now: number): PresenceContent {
  const content = encodeContent(face, dialect, now);
  return dialect.legacy ? { ...content, status_msg: content.status_msg ?? null } : content;
}

export interface User extends Pick<Profile, 'displayName' | 'avatarUrl'> {
  readonly userId: string;
}

/** An entry of GET list. */
export function encodePresenceEvent(
  user: User,
  face: Own | Shown,
  dialect: MatrixDialect,
  now: number,
): PresenceEvent {
  const event = encodeLegacyEvent(user, face, dialect, now);
  return { ...event, accepted: true, ...event.content };
}

/** An event of GET events and GET initialSync. */
export function encodeLegacyEvent(
  user: User,
  face: Own | Shown,
  dialect: MatrixDialect,
  now: number,
): LegacyEvent {
  const content = { user_id: user.userId, ...encodeContent(face, dialect, now), ...encodeProfile(user) };
  return { type: 'm.presence', content };
}

/** An event of GET sync. */
export function encodeSyncEvent(
  user: User,
  face: Own | Shown,
  dialect: MatrixDialect,
  now: number,
): SyncEvent {
  const content = { ...encodeContent(face, dialect, now), ...encodeProfile(user) };
  return { type: 'm.presence', sender: user.userId, content };
}

/** What is known of a user's profile; also the answer to GET profile. */
export function encodeProfile({
  displayName,
  avatarUrl,
}: Omit<User, 'userId'>): Pick<EventContent, 'displayname' | 'avatar_url'> {
  return {
    ...(displayName !== null && { displayname: displayName }),
    ...(avatarUrl !== null && { avatar_url: avatarUrl }),
  };
}

function encodeContent(
  { mode, status, lastActivity }: Own | Shown,
  dialect: MatrixDialect,
  now: number,
): PresenceContent {
  const { text } = dialect.see(status);
  const ago = lastActivity === null ? null : Math.max(0, now - lastActivity);
  const here = mode === 'online' || mode === 'chat';
  const active = !dialect.legacy && here && ago !== null && ago <= ACTIVE_WITHIN;
  return {
    presence: dialect.words[mode],
    ...(ago !== null && { last_active_ago: ago }),
    ...(text !== null && { status_msg: text }),
    ...(active && { currently_active: true }),
  };
}
