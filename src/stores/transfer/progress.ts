import { StoreRefused } from '../refused.ts';
import { fromColumn, toColumn } from '../text-column.ts';
import type { Cursor, TableName } from './tables.ts';

/** Keys of `meta` that a store notes for itself begin so; they are never copied. */
export const OWN_KEYS = 'store.';
/** Where a target notes, in `meta`, how far it has come. As long as it is there nobody serves from the store. */
export const TRANSFER_KEY = `${OWN_KEYS}transfer`;

/** Which store is copied, and how far it had come when that began. */
export interface SourceMark {
  readonly store: string;
  readonly position: string;
}

/** What is noted at the target. */
export interface Progress {
  readonly source: SourceMark;
  /** The last place of each table that has been copied. */
  readonly done: Partial<Readonly<Record<TableName, Cursor>>>;
}

/** As it is kept in `meta`. */
export function noteOf(progress: Progress): string {
  return toColumn(JSON.stringify(progress));
}

export function progressOf(note: string): Progress {
  return JSON.parse(fromColumn(note)) as Progress;
}

/** Where to go on from. Throws `StoreRefused` where the target has rows of another source, or of the same at another time. */
export function continueFrom(found: Progress | null, source: SourceMark, place: string): Progress {
  if (found === null) return { source, done: {} };
  if (found.source.store !== source.store) {
    throw new StoreRefused(
      place,
      'it holds part of another store',
      'Empty it, or name the store it was begun from',
    );
  }
  if (found.source.position !== source.position) {
    throw new StoreRefused(place, 'the store it was begun from has changed since', 'Empty it and begin anew');
  }
  return found;
}

/** Throws `StoreRefused` for a store that has been copied in part; `note` is what it has in `meta`, null where there is none. */
export function refuseUnfinished(note: string | null, place: string): void {
  if (note === null) return;
  throw new StoreRefused(place, 'a migration into it is not complete', 'Run plexibridge migrate again');
}
