import { nameToEmoji } from 'gemoji';
import type { Dialect } from '../../presence/dialect.ts';
import type { CustomStatus, SeenStatus } from '../../presence/record.ts';
import { cutText } from '../../presence/text.ts';
import { MATRIX } from './ids.ts';

/** Longest `status_msg`, code points (semantics §8). */
export const MAX_STATUS_MSG = 2048;

const CHARACTERS = new Map(Object.entries(nameToEmoji));

/** A version of the client API, as far as presence differs in it. */
export interface MatrixDialect extends Dialect {
  /** v1 answers `status_msg: null` where later versions leave it out, and has no `currently_active`. */
  readonly legacy: boolean;
}

const modernWords = {
  online: 'online',
  chat: 'online',
  idle: 'unavailable',
  dnd: 'unavailable',
  offline: 'offline',
  invisible: 'offline',
} as const;

export const V1: MatrixDialect = {
  origin: MATRIX,
  words: { ...modernWords, chat: 'free_for_chat' },
  see,
  legacy: true,
};

/** r0, v3 and unstable. */
export const MODERN: MatrixDialect = { origin: MATRIX, words: modernWords, see, legacy: false };

/** The same where MSC3026 is on. */
export const MODERN_WITH_BUSY: MatrixDialect = {
  ...MODERN,
  words: { ...modernWords, dnd: 'org.matrix.msc3026.busy' },
};

/** One line: the emoji, a space, the text. Cut at what may be written, so that every client can echo it (semantics §4.1). */
function see(status: CustomStatus | null): SeenStatus {
  if (!status) return { text: null, emoji: null };
  const parts = [status.emoji === null ? null : character(status.emoji), status.text];
  const line = parts.filter((part) => part !== null).join(' ');
  return { text: cutText(line, MAX_STATUS_MSG), emoji: null };
}

/** The character of a known `:shortcode:`, anything else as it is. */
function character(emoji: string): string {
  const name = /^:(.+):$/.exec(emoji)?.[1] ?? '';
  return CHARACTERS.get(name) ?? emoji;
}
