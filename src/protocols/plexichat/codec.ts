import type { z } from 'zod';
import type { Dialect } from '../../presence/dialect.ts';
import { modeOf } from '../../presence/dialect.ts';
import { BridgeError } from '../../presence/errors.ts';
import type { Profile } from '../../presence/identity.ts';
import type { ExplicitWrite, StatusEdit } from '../../presence/reduce.ts';
import type { Own, Shown } from '../../presence/shown.ts';
import { cutText } from '../../presence/text.ts';
import { madeAt, PLEXICHAT } from './ids.ts';
import type { DialectSetting, WirePresence, WireUser } from './wire.ts';
import { MAX_STATUS_TEXT, presenceBody } from './wire.ts';

/** What Plexichat calls each mode (semantics §3). */
export const plexichatDialect: Dialect = {
  origin: PLEXICHAT,
  words: {
    online: 'online',
    chat: 'online',
    idle: 'idle',
    dnd: 'dnd',
    invisible: 'invisible',
    offline: 'offline',
  },
  see: (status) => ({
    text: status?.text == null ? null : cutText(status.text, MAX_STATUS_TEXT),
    emoji: status?.emoji ?? null,
  }),
};

/** Plexichat presence: PUT. Throws `bad_json` or `bad_parameter` with the server's message for the first fault. */
export function decodePresence(body: unknown): ExplicitWrite {
  const { status, custom_status, custom_emoji } = readBody(body);
  const mode = modeOf(plexichatDialect, status);
  if (!mode) {
    const message = 'Invalid status. Must be one of: online, idle, dnd, invisible, offline';
    throw new BridgeError('bad_parameter', message);
  }
  return { dialect: plexichatDialect, mode, status: decodeStatus(custom_status, custom_emoji) };
}

function readBody(body: unknown): z.output<typeof presenceBody> {
  if (body == null) throw new BridgeError('bad_json', 'Invalid body: Field required');
  const read = presenceBody.safeParse(body);
  if (read.success) return read.data;
  const faults = read.error.issues.map(({ path, message }) => {
    // What is no object at all has no field to blame.
    return path.length === 0 ? '' : `Invalid ${path.join('.')}: ${message}`;
  });
  throw new BridgeError('bad_json', faults[0]);
}

/** Semantics §4.5. */
function decodeStatus(text: string | null | undefined, emoji: string | null | undefined): StatusEdit {
  if (text === '' || (text == null && emoji === '')) return { kind: 'clear' };
  const said = emoji == null || emoji === '' ? null : emoji;
  if (text != null) return { kind: 'set', text, emoji: said };
  return said === null ? { kind: 'keep' } : { kind: 'set', emoji: said };
}

/** The presence object of somebody, from what she sees of herself or from what others are shown. */
export function encodePresence(userId: string, face: Own | Shown, setting: DialectSetting): WirePresence {
  const { text, emoji } = plexichatDialect.see(face.status);
  return {
    user_id: userId,
    status: plexichatDialect.words[face.mode],
    custom_status: text,
    custom_emoji: emoji,
    last_seen: encodeLastSeen(face.lastActivity, setting),
  };
}

/** The caller, as far as the bridge knows her. */
export function encodeUser(id: string, profile: Profile, setting: DialectSetting): WireUser {
  return {
    id,
    username: profile.displayName ?? id,
    email: null,
    avatar_url: profile.avatarUrl,
    created_at: encodeTime(madeAt(id), setting),
  };
}

function encodeLastSeen(ms: number | null, setting: DialectSetting): number | null {
  if (ms !== null) return encodeTime(ms, setting);
  return setting === 'server' ? 0 : null;
}

/** Semantics §7; `ms` since 1970. */
function encodeTime(ms: number, setting: DialectSetting): number {
  return setting === 'server' ? ms : Math.floor(ms / 1000);
}
