import { z } from 'zod';
import { codePoints } from '../../presence/text.ts';

/** `documented` counts in seconds as the documents say, `server` in ms as the running server does (semantics §7). */
export const DIALECT_SETTINGS = ['documented', 'server'] as const;
export type DialectSetting = (typeof DIALECT_SETTINGS)[number];

/** Longest `custom_status`, code points. */
export const MAX_STATUS_TEXT = 128;
/** Longest `custom_emoji`, code points. */
const MAX_EMOJI = 64;

const text = z
  .string({
    error: ({ input }) => (input === undefined ? 'Field required' : 'Input should be a valid string'),
  })
  .refine(
    (value) => value.isWellFormed(),
    'Input should be a valid string, unable to parse raw data as a unicode string',
  );

function textUpTo(max: number) {
  return text.refine((value) => codePoints(value) <= max, `String should have at most ${max} characters`);
}

/** The body of a PUT; its messages are those of the server, fields in the order of its complaints. */
export const presenceBody = z.object({
  status: text,
  custom_status: textUpTo(MAX_STATUS_TEXT).nullish(),
  custom_emoji: textUpTo(MAX_EMOJI).nullish(),
});

/** The presence object, its keys in the documented order. */
export interface WirePresence {
  readonly user_id: string;
  readonly status: string;
  readonly custom_status: string | null;
  readonly custom_emoji: string | null;
  /** Unix time in the unit of the dialect setting. */
  readonly last_seen: number | null;
}

/** The caller herself. */
export interface WireUser {
  readonly id: string;
  readonly username: string;
  readonly email: null;
  readonly avatar_url: string | null;
  /** Unix time in the unit of the dialect setting. */
  readonly created_at: number;
}
