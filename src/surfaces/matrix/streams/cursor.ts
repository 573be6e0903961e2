import { createHash } from 'node:crypto';
import { BridgeError } from '../../../presence/errors.ts';
import type { PersonId } from '../../../presence/identity.ts';

/** A place in one observer's stream; opaque to clients. */
export interface Cursor {
  /** Names the stream. */
  readonly epoch: string;
  readonly position: number;
  /** What the client has seen there, for a stream that does not know the position; null where it was told only a part. */
  readonly digest: string | null;
}

const CURSOR = /^([\w-]{12})\.(\d{1,15})(?:\.([\w-]{86}))?$/;

export function formatCursor({ epoch, position, digest }: Cursor): string {
  return [epoch, position, ...(digest === null ? [] : [digest])].join('.');
}

/** Null stays null. Throws `bad_parameter` when the text cannot have come from `formatCursor`. */
export function parseCursor(text: string | null): Cursor | null {
  if (text === null) return null;
  const [, epoch, position, digest = null] = CURSOR.exec(text) ?? [];
  if (epoch === undefined) throw new BridgeError('bad_parameter', 'Malformed stream position');
  return { epoch, position: Number(position), digest };
}

/** Tells a stream from every other: those of other observers, and hers from before. `openedAt` in ms since 1970. */
export function epochOf(observer: PersonId, openedAt: number): string {
  return createHash('sha256').update(`${observer} ${openedAt}`).digest('base64url').slice(0, 12);
}
