import type { z } from 'zod';
import { modeOf } from '../../presence/dialect.ts';
import { BridgeError } from '../../presence/errors.ts';
import type { Profile } from '../../presence/identity.ts';
import type { ExplicitWrite, StatusEdit } from '../../presence/reduce.ts';
import type { Own, Shown } from '../../presence/shown.ts';
import type { MatrixDialect } from './dialect.ts';
import { parseUserId } from './ids.ts';
import type { EventContent, PresenceContent, PresenceEvent } from './wire.ts';
import { listBody, presenceBody } from './wire.ts';

/** How long after her last activity somebody counts as currently active, ms (semantics §7). */
const ACTIVE_WITHIN = 60_000;

/** Reads a PUT status body. Throws `bad_json`. */
export function decodePresence(body: unknown, dialect: MatrixDialect): ExplicitWrite {
  const { presence, status_msg } = parse(presenceBody, body);
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
  const { invite, drop } = parse(listBody, body);
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

function parse<T>(schema: z.ZodType<T>, body: unknown): T {
  const { success, data, error } = schema.safeParse(body);
  if (success) return data;
  const problems = error.issues.map(({ path, message }) =>
    [path.join('.'), message].filter(Boolean).join(': '),
  );
  throw new BridgeError('bad_json', problems[0]);
}

/** The answer to GET status; `now` in ms since 1970. */
export function encodePresence(face: Own | Shown, dialect: MatrixDialect, now: number): PresenceContent {
  const content = encodeContent(face, dialect, now);
  return dialect.legacy ? { status_msg: null, ...content } : content;
}

export interface ListedUser extends Pick<Profile, 'displayName' | 'avatarUrl'> {
  readonly userId: string;
}

/** An entry of GET list. */
export function encodePresenceEvent(
  { userId, displayName, avatarUrl }: ListedUser,
  face: Own | Shown,
  dialect: MatrixDialect,
  now: number,
): PresenceEvent {
  const content: EventContent = {
    user_id: userId,
    ...encodeContent(face, dialect, now),
    ...(displayName !== null && { displayname: displayName }),
    ...(avatarUrl !== null && { avatar_url: avatarUrl }),
  };
  return { type: 'm.presence', content, accepted: true, ...content };
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
