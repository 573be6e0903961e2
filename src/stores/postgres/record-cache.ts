import type { PersonId } from '../../presence/identity.ts';
import type { PresenceRecord } from '../../presence/record.ts';
import { ReadThrough } from './read-through.ts';

/** What a primary holds of somebody, and how far its outbox had come when it was so. */
export interface Held {
  /** Null: she has none. */
  readonly record: PresenceRecord | null;
  readonly at: Place;
}

/** A commit, by its place in the outbox of one primary. */
export interface Place {
  /** Names the primary. */
  readonly primary: string;
  readonly seq: number;
}

export interface RecordCacheOptions {
  /** The most people remembered. */
  readonly max: number;
  /** Whether this node knows of all that other nodes changed until shortly before now. */
  readonly believed: () => boolean;
  /** The newest commit of a primary whose changes were told to `changed`. */
  readonly heardOf: (primary: string) => number;
}

/**
 * The records of the people this node was asked about, kept true by its own commits and by the feed. Both come in any order;
 * of two changes of one record the later place tells, since versions begin again where somebody is removed.
 */
export class RecordCache {
  readonly #options: RecordCacheOptions;
  readonly #records: ReadThrough<PersonId, Held>;

  constructor(options: RecordCacheOptions) {
    this.#options = options;
    this.#records = new ReadThrough(options);
  }

  /** The record as it is remembered or read. Throws what `read` throws. */
  async get(person: PersonId, read: () => Promise<Held>): Promise<PresenceRecord | null> {
    return (await this.#records.get(person, read)).record;
  }

  /** This node has committed it. Called before whoever asked for it is answered. */
  committed(person: PersonId, held: Held): void {
    const known = this.#records.peek(person);
    if (known && isAsNew(known.at, held.at)) return;
    // What the feed has passed may have been changed again since, while she was not remembered.
    if (held.at.seq > this.#options.heardOf(held.at.primary)) this.#records.put(person, held);
  }

  /** The feed tells of a commit, in the order of commits of one primary. Only who is remembered already stays so. */
  changed(person: PersonId, held: Held): void {
    const known = this.#records.peek(person);
    if (known && isAsNew(known.at, held.at)) return;
    if (known && known.at.primary === held.at.primary) this.#records.put(person, held);
    else this.#records.forget(person); // where her shard has moved, the two places do not tell which is newer
  }

  /** It is uncertain what became of these people's records. */
  forget(people: Iterable<PersonId>): void {
    for (const person of people) this.#records.forget(person);
  }

  clear(): void {
    this.#records.clear();
  }
}

function isAsNew(known: Place, other: Place): boolean {
  return known.primary === other.primary && known.seq >= other.seq;
}
