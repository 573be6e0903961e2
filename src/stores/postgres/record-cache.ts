import type { PersonId } from '../../presence/identity.ts';
import type { PresenceRecord } from '../../presence/record.ts';
import type { Held, Place, RecordView } from './caching.ts';
import { ReadThrough } from './read-through.ts';

export interface RecordCacheOptions {
  /** The most people remembered. */
  readonly max: number;
  /** Whether this node knows of all that other nodes changed until shortly before now. */
  readonly believed: () => boolean;
  /** The newest commit of a primary that `changed` was told of. */
  readonly heardOf: (primary: string) => number;
}

/**
 * The records of the people this node was asked about, kept true by its own commits and by the feed. Both come in any order;
 * of two changes of one record the later place tells, since versions begin again where somebody is removed.
 */
export class RecordCache implements RecordView {
  readonly #options: RecordCacheOptions;
  readonly #records: ReadThrough<PersonId, Held>;

  constructor(options: RecordCacheOptions) {
    this.#options = options;
    this.#records = new ReadThrough(options);
  }

  async get(person: PersonId, read: () => Promise<Held>): Promise<PresenceRecord | null> {
    return (await this.#records.get(person, read)).record;
  }

  committed(person: PersonId, held: Held): void {
    const known = this.#records.peek(person);
    if (known && isAsNew(known.at, held.at)) return;
    // What the feed has passed may have been changed again since, while she was not remembered.
    if (held.at.seq > this.#options.heardOf(held.at.primary)) this.#records.put(person, held);
  }

  /**
   * The feed tells of a commit, in the order of commits of one primary. Only who is remembered already stays so; what she
   * has now is asked for then alone.
   */
  changed(person: PersonId, at: Place, record: () => PresenceRecord | null): void {
    const known = this.#records.peek(person);
    if (known && isAsNew(known.at, at)) return;
    // Where her shard has moved, the two places do not tell which is newer.
    if (known?.at.primary !== at.primary) {
      this.#records.forget(person);
      return;
    }
    try {
      this.#records.put(person, { record: record(), at });
    } catch {
      this.#records.forget(person); // damaged: the trouble of whoever asks for it
    }
  }

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
