import { isHere } from '../../presence/expiry.ts';
import type { Availability, Feed, SeenStatus } from '../../presence/record.ts';
import type { Shown } from '../../presence/shown.ts';
import { plexichatDialect } from '../../protocols/plexichat/codec.ts';
import type { ServerPresence } from '../../protocols/plexichat/server.ts';
import { sameWord } from './authorship.ts';
import type { PresenceWrite } from './rest.ts';

/** Longest emoji that the server keeps, code points. */
const MAX_EMOJI = 64;
const NO_STATUS: SeenStatus = { text: null, emoji: null };

/** What the server should show of somebody. */
export interface Wanted {
  readonly mode: Exclude<Availability, 'chat'>;
  readonly status: SeenStatus;
}

export const NOBODY: Wanted = { mode: 'offline', status: NO_STATUS };

/** What is shown of her, as the server can say it. */
export function wantedOf({ mode, status }: Shown): Wanted {
  return { mode: withoutChat(mode), status: sayable(plexichatDialect.see(status)) };
}

/** What is left on the server of somebody who is not to be shown there: her own word, unless she is out of sight. */
export function leftOf(feed: Feed | null, shown: Shown, now: number): Wanted {
  const status = sayable(feed?.status ?? NO_STATUS);
  if (!feed || feed.mode === 'invisible' || !isHere(feed, now) || shown.mode === 'offline') {
    return { mode: 'offline', status };
  }
  return { mode: withoutChat(feed.mode), status };
}

/** A status as the server can keep it: an emoji without a text is refused (contract §0.8), and so is a NUL. */
export function sayable({ text, emoji }: SeenStatus): SeenStatus {
  const said = (text ?? '').replaceAll('\0', '').toWellFormed();
  if (said === '') return NO_STATUS;
  const cut = Array.from((emoji ?? '').replaceAll('\0', '').toWellFormed()).slice(0, MAX_EMOJI);
  return { text: said, emoji: cut.length === 0 ? null : cut.join('') };
}

/** The request that brings the server there; null when it is there already. A status that it shows is not said again. */
export function requestFor(
  wanted: Wanted,
  there: Pick<ServerPresence, 'mode' | 'status'>,
): PresenceWrite | null {
  const { mode: status } = wanted;
  const { text, emoji } = wanted.status;
  if (sameSeen(wanted.status, there.status)) return sameWord(wanted.mode, there.mode) ? null : { status };
  return { status, custom_status: text ?? '', ...(emoji !== null && { custom_emoji: emoji }) };
}

export function sameSeen(a: SeenStatus, b: SeenStatus): boolean {
  return a.text === b.text && a.emoji === b.emoji;
}

/** The server has no word for chat (semantics §3). */
function withoutChat(mode: Availability): Wanted['mode'] {
  return mode === 'chat' ? 'online' : mode;
}
