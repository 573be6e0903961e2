import type { Dialect } from '../../src/presence/dialect.ts';
import type { NetworkName } from '../../src/presence/identity.ts';
import type { Mode, Origin, PresenceRecord } from '../../src/presence/record.ts';
import { BLANK } from '../../src/presence/record.ts';
import type { ExplicitWrite, StatusEdit } from '../../src/presence/reduce.ts';
import { cutText } from '../../src/presence/text.ts';
import { START } from '../helpers/clock.ts';

export const LOUD = 'loud' as NetworkName;
export const QUIET = 'quiet' as NetworkName;

/** Longest text that the rich dialect shows, code points. */
export const RICH_TEXT = 12;

/** Says everything but chat; shows long texts cut. */
export const rich: Dialect = {
  origin: LOUD,
  words: {
    online: 'here',
    chat: 'here',
    idle: 'away',
    dnd: 'busy',
    offline: 'gone',
    invisible: 'hidden',
  },
  see: (status) => ({
    text: status?.text == null ? null : cutText(status.text, RICH_TEXT),
    emoji: status?.emoji ?? null,
  }),
};

/** Knows neither chat, dnd nor invisible; has one field for emoji and text. */
export const poor: Dialect = {
  origin: QUIET,
  words: {
    online: 'up',
    chat: 'up',
    idle: 'out',
    dnd: 'out',
    offline: 'down',
    invisible: 'down',
  },
  see: (status) => ({
    text: [status?.emoji, status?.text].filter((part) => part != null).join(' ') || null,
    emoji: null,
  }),
};

/** The poor one's network with a word for chat. */
export const chatty: Dialect = { ...poor, words: { ...poor.words, chat: 'free' } };

/** The poor one's network with a word for dnd. */
export const busy: Dialect = { ...poor, words: { ...poor.words, dnd: 'busy' } };

export const dialects = { rich, poor, chatty, busy };
export type DialectName = keyof typeof dialects;

export const KEEP: StatusEdit = { kind: 'keep' };

export function says(dialect: Dialect, mode: Mode, status: StatusEdit = KEEP): ExplicitWrite {
  return { dialect, mode, status };
}

/** A record as if `mode` had been said at `START`, with nothing since. */
export function claimed(mode: Mode, origin: Origin, more: Partial<PresenceRecord> = {}): PresenceRecord {
  return {
    ...BLANK,
    version: 7,
    claim: { mode, origin, at: START, activeAt: START, expiresAt: null },
    lastActivity: START,
    ...more,
  };
}
