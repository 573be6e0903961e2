import { z } from 'zod';
import { modeOf } from '../../presence/dialect.ts';
import type { Mode, SeenStatus } from '../../presence/record.ts';
import { codePoints } from '../../presence/text.ts';
import { plexichatDialect } from './codec.ts';
import { plexichatNetwork } from './ids.ts';
import { MAX_STATUS_TEXT } from './wire.ts';

/** Below it a time is in seconds, from it on in ms (semantics §7). */
const FIRST_MS = 1e11;
/** The latest time that can be, ms since 1970 (ECMA-262: time values). */
const LAST_MS = 8.64e15;
/** Longest `custom_emoji`, code points; the server cuts what it keeps, but not what it relays. */
const MAX_EMOJI = 64;
/** Longest name of a user that is believed, code points; the server allows 32. */
const MAX_USERNAME = 128;

/** The presence object (Plexichat presence: GET). */
export interface ServerPresence {
  readonly userId: string;
  /** `invisible` only of the owner of the token. */
  readonly mode: Mode;
  readonly status: SeenStatus;
  /** Her last write of a status, ms since 1970; null when the server hides it or does not know. */
  readonly seenAt: number | null;
}

/** An event: PRESENCE_UPDATE. */
export interface ServerPresenceUpdate {
  readonly userId: string;
  readonly mode: Mode;
  /** Undefined when the event does not tell what she has now. */
  readonly status: SeenStatus | undefined;
}

/** Somebody in a list. */
export interface ServerMember {
  readonly userId: string;
  readonly username: string | null;
  /** Null when the list does not say. */
  readonly mode: Mode | null;
  /** Absolute; null when she has none, absent when nothing was said of it. */
  readonly avatarUrl?: string | null;
}

/** What became of a relationship of the token's owner. */
export interface ServerRelationship extends ServerMember {
  /** False as well for requests, blocks and what has ended. */
  readonly isFriend: boolean;
}

export interface ServerProfile {
  readonly userId: string;
  readonly username: string | null;
  /** Absolute; null when she has none. */
  readonly avatarUrl: string | null;
}

const userId = z.union([z.string(), z.int()]).transform((id, context) => {
  const parsed = plexichatNetwork.parseId(String(id));
  if (parsed !== null) return parsed;
  context.addIssue('not an id');
  return z.NEVER;
});

/** Op 8 and a caller's own objects hold `invisible`, so every place may. */
const mode = z.string().transform((word, context) => {
  const found = modeOf(plexichatDialect, word);
  if (found) return found;
  context.addIssue('not a status');
  return z.NEVER;
});

function said(max: number) {
  return z.string().refine((text) => text.isWellFormed() && codePoints(text) <= max);
}

const username = said(MAX_USERNAME).min(1).nullable().catch(null);
const listedMode = z
  .object({ status: mode })
  .transform(({ status }) => status)
  .nullable()
  .catch(null);

const presence = z.object({
  user_id: userId,
  status: mode,
  custom_status: said(MAX_STATUS_TEXT).nullish(),
  custom_emoji: said(MAX_EMOJI).nullish(),
  last_seen: z.number().nullish().catch(null),
});
const spoken = z.object({
  custom_status: said(MAX_STATUS_TEXT).nullish(),
  custom_emoji: said(MAX_EMOJI).nullish(),
});
const update = z.object({ user_id: userId, status: mode });
const member = z
  .object({ user_id: userId, username, presence: listedMode })
  .transform(({ user_id, username, presence }) => ({ userId: user_id, username, mode: presence }));
const pictured = z.object({ avatar_url: z.string().nullable() });
const relation = z.object({ user_id: userId, status: z.string() });
const profile = z.object({ id: userId, username, avatar_url: z.string().nullable().catch(null) });
const settings = z.object({ user_id: userId });
const version = z.object({ version: z.object({ string: z.string().max(64) }) });

/** Null when it is no presence object. */
export function decodeServerPresence(value: unknown): ServerPresence | null {
  const read = presence.safeParse(value).data;
  if (!read) return null;
  const status = { text: read.custom_status || null, emoji: read.custom_emoji || null };
  return { userId: read.user_id, mode: read.status, status, seenAt: seenAt(read.last_seen) };
}

/** Null when the event cannot be used. */
export function decodeServerUpdate(value: unknown): ServerPresenceUpdate | null {
  const read = update.safeParse(value).data;
  if (!read) return null;
  return { userId: read.user_id, mode: read.status, status: updatedStatus(read.status, value) };
}

/**
 * The event repeats the request that caused it, so null means that nothing was said, and clients can put anything into
 * it. Of somebody who goes offline it is not believed at all: the event of somebody who goes invisible looks the same,
 * and carries the text that she hides (Plexichat gateway: PRESENCE_UPDATE).
 */
function updatedStatus(mode: Mode, value: unknown): SeenStatus | undefined {
  const read = spoken.safeParse(value).data;
  if (!read || mode === 'offline' || mode === 'invisible') return undefined;
  const { custom_status: text, custom_emoji: emoji } = read;
  if (text == null && emoji == null) return undefined;
  // An emoji beside an empty text is kept by the server and shown to nobody.
  if (text === '') return { text: null, emoji: null };
  return { text: text ?? null, emoji: emoji || null };
}

/** Of a list of relationships, the friends; null when it is no such list. `baseUrl` is where the server is. */
export function decodeFriends(value: unknown, baseUrl: string): ServerMember[] | null {
  const entries = z.array(relation.loose()).safeParse(value).data;
  return entries
    ? decodeMembers(
        entries.filter(({ status }) => status === 'friend'),
        baseUrl,
      )
    : null;
}

/**
 * Everybody in a list of members; null when it is no such list, or one of them has no id. `baseUrl` is where the server
 * is.
 */
export function decodeMembers(value: unknown, baseUrl: string): ServerMember[] | null {
  const entries = z.array(z.unknown()).safeParse(value).data;
  const members = z.array(member).safeParse(entries).data;
  return members?.map((each, index) => ({ ...each, ...avatarOf(entries?.[index], baseUrl) })) ?? null;
}

/** An event: RELATIONSHIP_ADD; null when it cannot be used. */
export function decodeRelationshipAdd(value: unknown): ServerRelationship | null {
  const read = member.safeParse(value).data;
  const kind = relation.safeParse(value).data?.status;
  return read && kind !== undefined ? { ...read, isFriend: kind === 'friend' } : null;
}

/** An event: RELATIONSHIP_REMOVE; null when it cannot be used. */
export function decodeRelationshipRemove(value: unknown): ServerRelationship | null {
  const read = member.safeParse(value).data;
  return read ? { ...read, isFriend: false } : null;
}

/** A user object, her own or another's; null when it is none. `baseUrl` is where the server is. */
export function decodeServerUser(value: unknown, baseUrl: string): ServerProfile | null {
  const read = profile.safeParse(value).data;
  if (!read) return null;
  return { userId: read.id, username: read.username, avatarUrl: absolute(read.avatar_url, baseUrl) };
}

/** Whose token it is for presence (Plexichat auth: introspection); null when the answer does not tell. */
export function decodeSettingsOwner(value: unknown): string | null {
  return settings.safeParse(value).data?.user_id ?? null;
}

/** The version of the server as it writes it; null when the answer does not tell. */
export function decodeServerVersion(value: unknown): string | null {
  return version.safeParse(value).data?.version.string ?? null;
}

function seenAt(time: number | null | undefined): number | null {
  if (time == null || time <= 0) return null;
  const ms = Math.floor(time < FIRST_MS ? time * 1000 : time);
  return ms <= LAST_MS ? ms : null;
}

function avatarOf(entry: unknown, baseUrl: string): Pick<ServerMember, 'avatarUrl'> {
  const { success, data } = pictured.safeParse(entry);
  return success ? { avatarUrl: absolute(data.avatar_url, baseUrl) } : {};
}

/** The server says where avatars are on itself, the documents show whole URLs. */
function absolute(url: string | null, baseUrl: string): string | null {
  if (url === null || url === '') return null;
  const whole = url.startsWith('/') ? baseUrl.replace(/\/+$/, '') + url : url;
  return URL.canParse(whole) && /^https?:$/.test(new URL(whole).protocol) ? new URL(whole).href : null;
}
