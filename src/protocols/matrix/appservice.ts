import { z } from 'zod';
import type { Mode } from '../../presence/record.ts';
import { cutText } from '../../presence/text.ts';
import { MAX_STATUS_MSG } from './dialect.ts';
import { parseUserId } from './ids.ts';
import { parse } from './parse.ts';

/** What a homeserver may say of somebody, in words of all times; nobody is ever said to be invisible. */
const MODES: ReadonlyMap<string, Exclude<Mode, 'invisible'>> = new Map([
  ['online', 'online'],
  ['free_for_chat', 'chat'],
  ['unavailable', 'idle'],
  ['org.matrix.msc3026.busy', 'dnd'],
  ['busy', 'dnd'],
  ['offline', 'offline'],
]);

/** Matrix §application services: PUT transactions. Lists of the wrong shape count as absent. */
export const transactionBody = z.object({
  events: z.array(z.unknown()),
  ephemeral: z.array(z.unknown()).optional().catch(undefined),
  'de.sorunome.msc2409.ephemeral': z.array(z.unknown()).optional().catch(undefined),
});

const ephemeralEvent = z.object({ type: z.string() });

/**
 * Matrix §presence: the content of m.presence, and what GET status answers. What is no part of the state itself may be as it
 * likes.
 */
export const presenceContent = z.object({
  presence: z.string(),
  status_msg: z
    .string()
    .refine((text) => text.isWellFormed())
    .nullish()
    .catch(null),
  last_active_ago: z.number().min(0).nullish().catch(null),
  currently_active: z.boolean().nullish().catch(null),
});

export type PresenceContent = z.output<typeof presenceContent>;

/** Matrix §presence: m.presence. */
const presenceEvent = z.object({
  type: z.literal('m.presence'),
  sender: z.string().refine((text) => parseUserId(text) !== null),
  content: presenceContent,
});

/** What a homeserver says of one user. */
export interface PresenceUpdate {
  /** Her user id. */
  readonly sender: string;
  /** The homeserver's own word. */
  readonly presence: string;
  /** What the word means. */
  readonly mode: Exclude<Mode, 'invisible'>;
  /** Never empty; cut where it is longer than the bridge keeps (semantics §8). */
  readonly statusMsg: string | null;
  /** Milliseconds; null when the homeserver does not say. */
  readonly activeAgoMs: number | null;
  readonly currentlyActive: boolean;
}

export interface Transaction {
  /** The newest of each user, in the order in which the homeserver told them. */
  readonly updates: readonly PresenceUpdate[];
  /** Whether the homeserver sent presence at all, readable or not. */
  readonly hasPresence: boolean;
  /** Items that could not be read, and states that nobody knows. */
  readonly skipped: number;
}

/**
 * Reads the presence in a transaction; everything else in it is left alone. Homeservers send the same list under the
 * stable and the unstable key where the registration asks for both, so only one is read. Throws `bad_json`.
 */
export function decodeTransaction(body: unknown): Transaction {
  const { ephemeral, 'de.sorunome.msc2409.ephemeral': unstable } = parse(transactionBody, body, 'bad_json');
  const updates = new Map<string, PresenceUpdate>();
  let hasPresence = false;
  let skipped = 0;
  for (const item of ephemeral ?? unstable ?? []) {
    const type = ephemeralEvent.safeParse(item).data?.type;
    if (type === 'm.presence') hasPresence = true;
    else if (type !== undefined) continue;
    const update = decodeUpdate(item);
    if (!update) {
      skipped++;
      continue;
    }
    updates.delete(update.sender);
    updates.set(update.sender, update);
  }
  return { updates: [...updates.values()], hasPresence, skipped };
}

function decodeUpdate(item: unknown): PresenceUpdate | null {
  const { data } = presenceEvent.safeParse(item);
  return data ? updateOf(data.sender, data.content) : null;
}

/** What the homeserver says of this user; null for a state that nobody knows. */
export function updateOf(sender: string, content: PresenceContent): PresenceUpdate | null {
  const { presence, status_msg: message, last_active_ago: ago, currently_active: active } = content;
  const mode = MODES.get(presence);
  if (!mode) return null;
  return {
    sender,
    presence,
    mode,
    statusMsg: message ? cutText(message, MAX_STATUS_MSG) : null,
    activeAgoMs: ago == null ? null : Math.round(ago),
    currentlyActive: active ?? false,
  };
}

/** Matrix §third party networks: what a homeserver is told of a protocol; it drops one without `instances`. */
export const protocolAnswer = z.object({
  user_fields: z.array(z.never()),
  location_fields: z.array(z.never()),
  icon: z.literal(''),
  field_types: z.strictObject({}),
  instances: z.array(z.never()),
});
/** No user and no place is ever found. */
export const nothingFound = z.array(z.never());
