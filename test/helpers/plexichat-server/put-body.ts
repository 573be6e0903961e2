import type { Status } from './presence-rows.ts';
import { isStatus, STATUSES } from './presence-rows.ts';

const MAX_TEXT = 128;
const MAX_EMOJI = 64;

export interface PutBody {
  readonly status: Status;
  /** As given; null when absent. */
  readonly text: string | null;
  readonly emoji: string | null;
}

export type Parsed<Value> = { readonly value: Value } | { readonly message: string };

/** The body of PUT presence, or the message of the 400; only the first error is told (contract §1.4). */
export function parsePutBody(body: unknown): Parsed<PutBody> {
  if (body === undefined || body === null) return { message: 'Invalid body: Field required' };
  if (typeof body !== 'object' || Array.isArray(body)) return { message: 'Invalid request' };
  const fields: Record<string, unknown> = { ...body };
  const { status, custom_status: text, custom_emoji: emoji } = fields;
  if (!('status' in fields)) return { message: 'Invalid status: Field required' };
  const message =
    stringError('status', status) ??
    stringError('custom_status', text ?? '') ??
    (codePoints(text) > MAX_TEXT
      ? `Invalid custom_status: String should have at most ${MAX_TEXT} characters`
      : null) ??
    stringError('custom_emoji', emoji ?? '');
  if (message !== null) return { message };
  if (!isStatus(status)) return { message: `Invalid status. Must be one of: ${STATUS_LIST}` };
  return {
    value: {
      status,
      text: typeof text === 'string' ? text : null,
      emoji: typeof emoji === 'string' ? emoji : null,
    },
  };
}

/** The server names them in this order. */
const STATUS_LIST = STATUSES.join(', ');

function stringError(field: string, value: unknown): string | null {
  if (typeof value !== 'string') return `Invalid ${field}: Input should be a valid string`;
  if (value.isWellFormed()) return null;
  return `Invalid ${field}: Input should be a valid string, unable to parse raw data as a unicode string`;
}

function codePoints(value: unknown): number {
  return typeof value === 'string' ? Array.from(value).length : 0;
}

/** An emoji as it is stored: silently cut to 64 code points. */
export function cutEmoji(emoji: string | null): string | null {
  return emoji === null ? null : Array.from(emoji).slice(0, MAX_EMOJI).join('');
}
