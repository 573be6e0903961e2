import { z } from 'zod';
import { BridgeError } from '../../presence/errors.ts';
import { parseUserId } from './ids.ts';
import { parse } from './parse.ts';

/** Longest filter that can be kept, bytes of compact JSON: its id must fit into a URL. */
const MAX_FILTER_BYTES = 1024;

const userId = z.string().refine((text) => parseUserId(text) !== null, 'Malformed user id');

/** Matrix §filtering: EventFilter. */
const eventFilter = z.object({
  types: z.array(z.string()).optional(),
  not_types: z.array(z.string()).default([]),
  senders: z.array(userId).optional(),
  not_senders: z.array(userId).default([]),
  limit: z.int().min(0).optional(),
});

/** Matrix §filtering: Filter. Only `presence` has a meaning here; the rest is checked as clients expect. */
export const filterBody = z.object({
  presence: eventFilter.optional(),
  account_data: eventFilter.optional(),
  room: z
    .object({
      rooms: z.array(z.string()).optional(),
      not_rooms: z.array(z.string()).optional(),
      include_leave: z.boolean().optional(),
      account_data: eventFilter.optional(),
      ephemeral: eventFilter.optional(),
      state: eventFilter.optional(),
      timeline: eventFilter.optional(),
    })
    .optional(),
  event_fields: z.array(z.string()).optional(),
  event_format: z.enum(['client', 'federation']).optional(),
});

/** Which presence events a reader wants. */
export interface PresenceFilter {
  /** Whether events about this user are wanted. */
  wants(userId: string): boolean;
  /** The most events in one response. */
  readonly limit: number;
}

export const NO_FILTER: PresenceFilter = { wants: () => true, limit: Infinity };

/** Reads a filter. Throws `bad_json`. */
export function decodeFilter(json: unknown): PresenceFilter {
  const { presence } = parse(filterBody, json, 'bad_json');
  if (!presence) return NO_FILTER;
  const { types, not_types, senders, not_senders, limit } = presence;
  const typed = (types?.some(namesPresence) ?? true) && !not_types.some(namesPresence);
  if (!typed || limit === 0) return { wants: () => false, limit: Infinity };
  const wanted = senders && new Set(senders);
  const unwanted = new Set(not_senders);
  return {
    wants: (id) => (wanted?.has(id) ?? true) && !unwanted.has(id),
    limit: limit ?? Infinity,
  };
}

/** Whether a type of a filter, in which `*` stands for any characters, means presence. */
function namesPresence(type: string): boolean {
  const pattern = type.split(/\*+/).map((part) => part.replace(/[^\w]/g, String.raw`\$&`));
  return new RegExp(`^${pattern.join('.*')}$`).test('m.presence');
}

/**
 * The id of a filter is the filter itself, as base64url: there is nothing to store, nothing to expire, and every node
 * knows every id. It never begins with `{`, by which clients tell an inline filter. Throws `bad_json` when it is no
 * filter, `body_too_large` when it is too long for an id.
 */
export function encodeFilterId(json: unknown): string {
  parse(filterBody, json, 'bad_json');
  const bytes = compactBytes(json);
  if (bytes === null || bytes.length > MAX_FILTER_BYTES) {
    throw new BridgeError('body_too_large', `A filter holds at most ${MAX_FILTER_BYTES} bytes`);
  }
  return bytes.toString('base64url');
}

/** Null for what is nested so deeply that it cannot be written again, which can be read at any depth. */
function compactBytes(json: unknown): Buffer | null {
  try {
    return Buffer.from(JSON.stringify(json));
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** The filter that an id stands for; null when it is none of ours. */
export function decodeFilterId(id: string): object | null {
  const bytes = Buffer.from(id, 'base64url');
  if (bytes.toString('base64url') !== id) return null;
  const json = parseText(bytes.toString());
  return filterBody.safeParse(json).success ? (json as object) : null;
}

/** Reads the `filter` of a query: JSON where it begins with `{`, an id otherwise. Throws `bad_json`, `bad_parameter`. */
export function decodeFilterParam(text: string): PresenceFilter {
  const json = text.startsWith('{') ? parseText(text) : decodeFilterId(text);
  if (!json) throw new BridgeError('bad_parameter', 'filter: Neither JSON nor a known id');
  return decodeFilter(json);
}

function parseText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
