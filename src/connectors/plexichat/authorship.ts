import type { Availability, Feed, Mode, Written } from '../../presence/record.ts';
import { plexichatDialect } from '../../protocols/plexichat/codec.ts';

/** One state as the server tells it, named by the time of the write that made it. */
export interface ServerState {
  readonly mode: Mode;
  /** By the clock of the server, ms since 1970; null when nothing was ever written. */
  readonly seenAt: number | null;
}

/**
 * What is kept while it is unknown whether a write was carried out: its reply may be lost with the process. The time is
 * that of the state it was to replace, told apart from times of replies by being negative.
 */
export function intended(mode: Availability, before: number | null): Written {
  return { mode, at: -(before ?? 0) - 1 };
}

/**
 * Whether the server shows what the bridge itself wrote rather than her own word. Only times of the server are compared
 * with each other: its clock is its own.
 */
export function isOurs(feed: Feed | null, state: ServerState): boolean {
  const written = feed?.written ?? null;
  if (!written) return false;
  if (written.at >= 0) return state.seenAt === written.at && sameWord(state.mode, written.mode);
  const unchanged = intended(written.mode, state.seenAt).at === written.at;
  // Unchanged, it is what it was: her word as last reported, or else an older write of ours.
  return unchanged ? !sameWord(state.mode, feed?.mode ?? 'offline') : sameWord(state.mode, written.mode);
}

export function sameWord(a: Mode, b: Mode): boolean {
  return plexichatDialect.words[a] === plexichatDialect.words[b];
}
