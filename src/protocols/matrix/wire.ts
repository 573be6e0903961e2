import { z } from 'zod';
import { codePoints } from '../../presence/text.ts';
import { MAX_STATUS_MSG } from './dialect.ts';

/** Matrix v1 §presence: PUT status. */
export const presenceBody = z.object({
  presence: z
    .string()
    .describe('online, unavailable or offline; free_for_chat on api/v1')
    .meta({ examples: ['unavailable'] }),
  status_msg: z
    .string()
    .refine((text) => text.isWellFormed(), 'Holds a lone surrogate')
    .refine((text) => codePoints(text) <= MAX_STATUS_MSG, `At most ${MAX_STATUS_MSG} code points`)
    .meta({ maxLength: MAX_STATUS_MSG, examples: ['In a meeting'] })
    .optional()
    .describe('Replaces the status; absent clears only one that came from here'),
});

/** Matrix v1 §presence: POST list. */
export const listBody = z.object({
  invite: z.array(z.string()).default([]).describe('User ids; whether they exist is not told'),
  drop: z.array(z.string()).default([]).describe('User ids'),
});

const milliseconds = z
  .string()
  .regex(/^\d+$/, 'Must be a whole number of milliseconds')
  .meta({ examples: ['0'] })
  .transform(Number);

/** Matrix §syncing. */
export const syncQuery = z.object({
  since: z.string().optional(),
  timeout: milliseconds.default(0),
  set_presence: z.enum(['online', 'unavailable', 'offline']).default('online'),
  filter: z.string().optional(),
  full_state: z.enum(['true', 'false']).default('false'),
});

/** Matrix v1 §events. */
export const eventsQuery = z.object({
  from: z.string().optional(),
  timeout: milliseconds.default(30_000),
});

const content = {
  presence: z.string(),
  last_active_ago: z.number().min(0).exactOptional().describe('Milliseconds; absent when unknown'),
  status_msg: z.string().nullable().exactOptional(),
  currently_active: z.literal(true).exactOptional(),
};
const profile = {
  displayname: z.string().exactOptional(),
  avatar_url: z.string().exactOptional(),
};

/** What every answer about somebody's presence says. */
export const presenceContent = z.object(content);
export type PresenceContent = Readonly<z.output<typeof presenceContent>>;

const eventContent = z.object({ user_id: z.string(), ...content, ...profile });
export type EventContent = Readonly<z.output<typeof eventContent>>;

/** An event of the v1 API; the user it is about stands in its content. */
const legacyEvent = z.object({ type: z.literal('m.presence'), content: eventContent });
export type LegacyEvent = Readonly<z.output<typeof legacyEvent>>;

/** A presence list entry: the event, and flat copies of its content as servers really sent them. */
const presenceEvent = eventContent.extend({ ...legacyEvent.shape, accepted: z.literal(true) });
export type PresenceEvent = Readonly<z.output<typeof presenceEvent>>;
export const presenceList = z.array(presenceEvent);

/** Matrix §presence: the event in a sync response; the user it is about is its sender. */
const syncEvent = z.object({
  type: z.literal('m.presence'),
  sender: z.string(),
  content: z.object({ ...content, ...profile }),
});
export type SyncEvent = Readonly<z.output<typeof syncEvent>>;

export const syncAnswer = z.object({
  next_batch: z.string(),
  presence: z.object({ events: z.array(syncEvent) }).exactOptional(),
});
export const eventsAnswer = z.object({
  start: z.string().nullable(),
  end: z.string(),
  chunk: z.array(legacyEvent),
});
export const initialSyncAnswer = z.object({
  end: z.string(),
  rooms: z.array(z.never()),
  presence: z.array(legacyEvent),
  receipts: z.array(z.never()),
  account_data: z.array(z.never()),
});

export const profileAnswer = z.object(profile);
export const whoamiAnswer = z.object({
  user_id: z.string(),
  device_id: z.string(),
  is_guest: z.literal(false),
});
export const versionsAnswer = z.object({
  versions: z.array(z.string()),
  unstable_features: z.record(z.string(), z.boolean()),
});
export const filterIdAnswer = z.object({ filter_id: z.string() });
export const loginFlows = z.object({ flows: z.array(z.never()) });

/** The answer where there is nothing to say. */
export const emptyAnswer = z.strictObject({});
