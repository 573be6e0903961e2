import { LRUCache } from 'lru-cache';
import { BridgeError } from '../../presence/errors.ts';
import type { PersonId } from '../../presence/identity.ts';
import type { PresenceRecord } from '../../presence/record.ts';
import { decodeRecord } from '../record-codec.ts';
import type { Database, Statement } from './database.ts';
import { prepare } from './database.ts';
import { SETTLED_AT } from './schema.ts';

type Changes = Map<PersonId, PresenceRecord | null>;

/** The committed records: what the log holds beyond the state, over a bounded cache, over the state. */
export class Records {
  readonly #cache: LRUCache<PersonId, PresenceRecord>;
  readonly #read: Statement<{ record: string }>;
  readonly #readUnsettled: Statement<{ person: PersonId; record: string }>;
  #recent: Changes = new Map();
  #folding: Changes = new Map();

  /** `cacheSize` is the number of records remembered beyond those not yet folded. */
  constructor(state: Database, cacheSize: number) {
    this.#cache = new LRUCache({ max: cacheSize });
    this.#read = prepare(state, 'SELECT record FROM presence WHERE person = ?');
    this.#readUnsettled = prepare(state, `SELECT person, record FROM presence WHERE ${SETTLED_AT} > ?`);
  }

  /** People changed since the last fold began. */
  get dirty(): number {
    return this.#recent.size;
  }

  /** Throws `store_unavailable` when the state cannot be read. */
  get(person: PersonId): PresenceRecord | null {
    const recent = this.#recent.get(person);
    const unfolded = recent === undefined ? this.#folding.get(person) : recent;
    return unfolded === undefined ? (this.#cache.get(person) ?? this.#readState(person)) : unfolded;
  }

  set(person: PersonId, record: PresenceRecord | null): void {
    this.#recent.set(person, record);
    if (record) this.#cache.set(person, record);
    else this.#cache.delete(person);
  }

  /** Those that time will still change after `now`. Throws `store_unavailable` when the state cannot be read. */
  *unsettled(now: number): Generator<readonly [PersonId, PresenceRecord]> {
    const unfolded = new Map([...this.#folding, ...this.#recent]);
    for (const [person, record] of unfolded) {
      if ((record?.settledAt ?? 0) > now && record) yield [person, record];
    }
    for (const { person, record } of reading(() => this.#readUnsettled.all(now))) {
      if (!unfolded.has(person)) yield [person, reading(() => decodeRecord(record))];
    }
  }

  /** From here on changes belong to the next fold. */
  beginFold(): void {
    this.#folding = this.#recent;
    this.#recent = new Map();
  }

  /** The state now holds what was being folded, or, when the fold failed, not surely. */
  endFold(done: boolean): void {
    if (!done) {
      for (const [person, record] of this.#recent) this.#folding.set(person, record);
      this.#recent = this.#folding;
    }
    this.#folding = new Map();
  }

  #readState(person: PersonId): PresenceRecord | null {
    const row = reading(() => this.#read.get(person));
    if (!row) return null;
    const record = reading(() => decodeRecord(row.record));
    this.#cache.set(person, record);
    return record;
  }
}

function reading<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new BridgeError('store_unavailable', '', { cause });
  }
}
