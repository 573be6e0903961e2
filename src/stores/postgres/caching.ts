import type { Directory } from '../../presence/directory.ts';
import type { PersonId } from '../../presence/identity.ts';
import type { PresenceRecord } from '../../presence/record.ts';
import type { DirectoryRow } from './directory-rows.ts';

/** A commit, by its place in the outbox of one primary. */
export interface Place {
  /** Names the primary. */
  readonly primary: string;
  readonly seq: number;
}

/** What a primary holds of somebody, and how far its outbox had come when it was so. */
export interface Held {
  /** Null: she has none. */
  readonly record: PresenceRecord | null;
  readonly at: Place;
}

/** Records as this node reads them. */
export interface RecordView {
  /** The record as it is remembered or read. Throws what `read` throws. */
  get(person: PersonId, read: () => Promise<Held>): Promise<PresenceRecord | null>;
  /** This node has committed it. Called before whoever asked for it is answered. */
  committed(person: PersonId, held: Held): void;
  /** It is uncertain what became of these people's records. */
  forget(people: Iterable<PersonId>): void;
}

/** The directory as this node reads it. */
export interface DirectoryView extends Omit<Directory, 'commit'> {
  /** This node has committed these rows, as they are in the outbox. Called before whoever asked for it is answered. */
  changed(rows: readonly DirectoryRow[]): void;
  /** It is uncertain what became of a commit. */
  clear(): void;
}

/** Told of this node's own commits, so that the feed knows which rows of the outbox are news here. */
export interface OwnCommits {
  /**
   * A commit on this primary begins. The result is told how it ended: its place in the outbox, or null when nothing was
   * appended as far as anybody knows. Then a row of this node that nobody has acknowledged is news.
   */
  begin(primary: string): (seq: number | null) => void;
}

/** Remembers nothing. */
export const UNCACHED: RecordView = {
  get: async (_person, read) => (await read()).record,
  committed: () => undefined,
  forget: () => undefined,
};

/** Nobody follows. */
export const UNHEARD: OwnCommits = { begin: () => () => undefined };
