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
  status: text.describe('online, idle, dnd, invisible or offline').meta({ examples: ['dnd'] }),
  custom_status: textUpTo(MAX_STATUS_TEXT)
    .meta({ maxLength: MAX_STATUS_TEXT, examples: ['In a meeting'] })
    .nullish()
    .describe('Absent or null leaves text and emoji alone; "" clears both'),
  custom_emoji: textUpTo(MAX_EMOJI)
    .meta({ maxLength: MAX_EMOJI, examples: [':computer:'] })
    .nullish()
    .describe('A custom_status without one clears it'),
});

/** The presence object, its keys in the documented order. */
export const wirePresence = z.object({
  user_id: z.string(),
  status: z.string().describe('Invisible only to the user herself'),
  custom_status: z.string().nullable(),
  custom_emoji: z.string().nullable(),
  last_seen: z.number().int().nullable().describe('Unix time; in ms, and 0 for unknown, with dialect server'),
});
export type WirePresence = Readonly<z.output<typeof wirePresence>>;

/** The caller herself. */
export const wireUser = z.object({
  id: z.string(),
  username: z.string(),
  email: z.null(),
  avatar_url: z.string().nullable(),
  created_at: z.number().int().describe('Unix time; in ms with dialect server'),
});
export type WireUser = Readonly<z.output<typeof wireUser>>;

export const wireHealth = z.object({ status: z.literal('healthy'), version: z.string() });

const wireVersionNumber = z.object({
  stage: z.string(),
  major: z.number().int(),
  minor: z.number().int(),
  build: z.number().int(),
  string: z.string(),
});
export const wireVersion = z.object({
  version: wireVersionNumber,
  min_supported_version: wireVersionNumber,
  api_version: z.string(),
});

export const wireCapabilities = z.object({ access_token_required: z.boolean() });
