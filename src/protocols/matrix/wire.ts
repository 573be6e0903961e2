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

/** A presence list entry: the event of the v1 API, and flat copies of its content as servers really sent them. */
export interface PresenceEvent extends EventContent {
  readonly type: 'm.presence';
  readonly content: EventContent;
  readonly accepted: true;
}
