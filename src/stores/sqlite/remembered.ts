import { LRUCache } from 'lru-cache';
import type { Directory, PeopleReader, RelationReader } from '../../presence/directory.ts';
import type { Person, PersonId } from '../../presence/identity.ts';
import type { Relation } from '../../presence/visibility.ts';
import type { RowChange } from './directory-writer.ts';

/** People, and pairs of them, that are remembered at once. */
const MAX_PEOPLE = 20_000;
const MAX_PAIRS = 100_000;

type Readers = Omit<Directory, 'commit' | 'position'>;

/**
 * What a request asks of the directory each time, remembered until that changes: three reads of the file cost as much as the
 * rest of an answer. Only for a file that nobody else writes to.
 */
export class Remembered implements Readers {
  readonly people: PeopleReader;
  readonly relations: RelationReader;
  readonly tokens: Directory['tokens'];
  readonly heldTokens: Directory['heldTokens'];
  readonly audit: Directory['audit'];
  readonly #inner: Readers;
  readonly #byAddress = new LRUCache<string, Promise<Person | null>>({ max: MAX_PEOPLE });
  readonly #byId = new LRUCache<PersonId, Promise<Person | null>>({ max: MAX_PEOPLE });
  readonly #between = new LRUCache<string, Promise<Relation>>({ max: MAX_PAIRS });

  constructor(inner: Readers) {
    const { people, relations } = inner;
    this.#inner = inner;
    this.tokens = inner.tokens; // remembered by their text, see `TokenCache`
    this.heldTokens = inner.heldTokens;
    this.audit = inner.audit;
    this.people = {
      ...people,
      byAddress: (address) =>
        remember(this.#byAddress, `${address.network} ${address.id}`, () => people.byAddress(address)),
      byId: (id) => remember(this.#byId, id, () => people.byId(id)),
    };
    this.relations = {
      ...relations,
      between: (reader, target) =>
        remember(this.#between, pairOf(reader, target), () => relations.between(reader, target)),
    };
  }

  meta(key: string): Promise<string | null> {
    return this.#inner.meta(key);
  }

  /** Forgets what these rows are part of; called once they are committed, or may be. */
  forget(rows: readonly RowChange[]): void {
    for (const row of rows) this.#forget(row);
  }

  #forget(row: RowChange): void {
    switch (row.row) {
      case 'person':
      case 'address':
        // Whose an address was before is not told, and people come and go seldom.
        this.#byAddress.clear();
        this.#byId.clear();
        break;
      case 'contact':
        this.#between.delete(pairOf(row.target, row.owner));
        break;
      case 'block':
        this.#between.delete(pairOf(row.blocker, row.blocked));
        this.#between.delete(pairOf(row.blocked, row.blocker));
        break;
      case 'token':
      case 'held-token':
      case 'invite':
      case 'meta':
      case 'audit':
        break; // not remembered
    }
  }
}

/** The answer as it is remembered, or as `read` gives it, which is remembered unless there is none. */
function remember<Key extends string, Value>(
  cache: LRUCache<Key, Promise<Value>>,
  key: Key,
  read: () => Promise<Value>,
): Promise<Value> {
  const known = cache.get(key);
  if (known) return known;
  const answer = read();
  // Who is not there is asked for with words of any length, by whoever likes; trouble passes.
  cache.set(key, answer);
  answer.then(
    (value) => value === null && cache.delete(key),
    () => cache.delete(key),
  );
  return answer;
}

function pairOf(reader: PersonId, target: PersonId): string {
  return `${reader} ${target}`;
}
