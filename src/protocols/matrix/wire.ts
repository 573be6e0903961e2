import { z } from 'zod';
import { codePoints } from '../../presence/text.ts';
import { MAX_STATUS_MSG } from './dialect.ts';

/** Matrix v1 §presence: PUT status. */
export const presenceBody = z.object({
  presence: z.string(),
  status_msg: z
    .string()
    .refine((text) => text.isWellFormed(), 'Holds a lone surrogate')
    .refine((text) => codePoints(text) <= MAX_STATUS_MSG, `At most ${MAX_STATUS_MSG} code points`)
    .optional(),
});

/** Matrix v1 §presence: POST list. */
export const listBody = z.object({
  invite: z.array(z.string()).default([]),
  drop: z.array(z.string()).default([]),
});

const milliseconds = z.string().regex(/^\d+$/, 'Must be a whole number of milliseconds').transform(Number);

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

/** What every answer about somebody's presence says. */
export interface PresenceContent {
  readonly presence: string;
  /** Milliseconds; absent when unknown. */
  readonly last_active_ago?: number;
  readonly status_msg?: string | null;
  readonly currently_active?: true;
}

export interface EventContent extends PresenceContent {
  readonly user_id: string;
  readonly displayname?: string;
  readonly avatar_url?: string;
}

/** An event of the v1 API; the user it is about stands in its content. */
export interface LegacyEvent {
  readonly type: 'm.presence';
  readonly content: EventContent;
}

/** A presence list entry: the event, and flat copies of its content as servers really sent them. */
export interface PresenceEvent extends EventContent, LegacyEvent {
  readonly accepted: true;
}

/** Matrix §presence: the event in a sync response; the user it is about is its sender. */
export interface SyncEvent {
  readonly type: 'm.presence';
  readonly sender: string;
  readonly content: Omit<EventContent, 'user_id'>;
}
