import type {
  Block,
  Directory,
  Invite,
  PeopleReader,
  RelationReader,
  TokenGrant,
  TokenReader,
} from '../../presence/directory.ts';
import type { Address, Person, PersonId } from '../../presence/identity.ts';
import { sameAddress } from '../../presence/identity.ts';
import type { Relation } from '../../presence/visibility.ts';
import type { DirectoryView } from './caching.ts';
import type { ChangedRow } from './changed-rows.ts';
import { changedRow } from './changed-rows.ts';
import type { DirectoryRow } from './directory-rows.ts';
import { ReadThrough } from './read-through.ts';

export interface CachedDirectoryOptions {
  readonly inner: DirectorySource;
  /** The most answers remembered of each kind; of lists, the most entries. */
  readonly max: number;
  /** Whether this node knows of all that other nodes changed until shortly before now. */
  readonly believed: () => boolean;
  /** The newest commit of the home primary that `changed` was told of. */
  readonly heardOf: () => number;
}

/** The directory as it is stored. */
export interface DirectorySource extends Omit<Directory, 'commit' | 'position'> {
  /** The position, and the rows of all commits after the one at `seq`; none of them where it is null. */
  positionAfter(
    seq: number | null,
  ): Promise<{ readonly position: number; readonly rows: readonly DirectoryRow[] }>;
}

/** The readers of the directory, each answer remembered until something it was made of is changed. */
export class CachedDirectory implements DirectoryView {
  readonly heldTokens: Directory['heldTokens'];
  readonly audit: Directory['audit'];
  readonly #options: CachedDirectoryOptions;
  readonly #inner: DirectorySource;
  readonly #people: ReadThrough<PersonId, Person | null>;
  readonly #addresses: ReadThrough<string, PersonId | null>;
  readonly #tokens: ReadThrough<string, TokenGrant | null>;
  readonly #tokensOf: ReadThrough<PersonId, TokenGrant[]>;
  readonly #between: ReadThrough<string, Relation>;
  readonly #contacts: ReadThrough<PersonId, PersonId[]>;
  readonly #listers: ReadThrough<PersonId, PersonId[]>;
  readonly #blocks: ReadThrough<PersonId, Block[]>;
  readonly #invites: ReadThrough<string, Invite[]>;

  constructor(options: CachedDirectoryOptions) {
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- it is told where it is called
    const lists = <Entry>() => ({ ...options, sizeOf: (list: Entry[]) => list.length + 1 });
    this.#options = options;
    this.#inner = options.inner;
    this.audit = options.inner.audit;
    this.heldTokens = options.inner.heldTokens; // asked for now and then, by whoever needs one
    this.#people = new ReadThrough<PersonId, Person | null>({ ...options, keeps: isSomebody });
    this.#addresses = new ReadThrough<string, PersonId | null>({ ...options, keeps: isSomebody });
    this.#tokens = new ReadThrough(options);
    this.#tokensOf = new ReadThrough(lists());
    this.#between = new ReadThrough(options);
    this.#contacts = new ReadThrough(lists());
    this.#listers = new ReadThrough(lists());
    this.#blocks = new ReadThrough(lists());
    this.#invites = new ReadThrough(lists());
  }

  readonly people: PeopleReader = {
    byId: (id) => this.#people.get(id, () => this.#inner.people.byId(id)),
    byAddress: (address) => this.#byAddress(address),
    page: (after, limit) => this.#inner.people.page(after, limit),
  };

  readonly tokens: TokenReader = {
    byHash: (hash) => this.#tokens.get(hash, () => this.#inner.tokens.byHash(hash)),
    of: (person) => this.#tokensOf.get(person, () => this.#inner.tokens.of(person)),
  };

  readonly relations: RelationReader = {
    between: (reader, target) =>
      this.#between.get(pairKey(reader, target), () => this.#inner.relations.between(reader, target)),
    contactsOf: (owner) => this.#contacts.get(owner, () => this.#inner.relations.contactsOf(owner)),
    listersOf: (target) => this.#listers.get(target, () => this.#inner.relations.listersOf(target)),
    blocksOf: (person) => this.#blocks.get(person, () => this.#inner.relations.blocksOf(person)),
    invites: (by) =>
      this.#invites.get('owner' in by ? by.owner : addressKey(by.address), () =>
        this.#inner.relations.invites(by),
      ),
  };

  /** Read each time: rare, and what it says is built upon. */
  meta(key: string): Promise<string | null> {
    return this.#inner.meta(key);
  }

  /** Never remembered; and what other nodes have changed up to it is heard of by then, however late the feed is. */
  async position(): Promise<number> {
    const { believed, heardOf } = this.#options;
    const after = believed() ? heardOf() : null;
    const { position, rows } = await this.#inner.positionAfter(after);
    if (after === null || !believed()) this.clear();
    else this.changed(rows);
    return position;
  }

  /** Forgets what these rows are part of. Any number of times, in any order. */
  changed(rows: readonly DirectoryRow[]): void {
    for (const row of rows) this.#forget(changedRow(row));
  }

  clear(): void {
    for (const cache of [this.#people, this.#addresses, this.#tokens, this.#tokensOf, this.#between]) {
      cache.clear();
    }
    for (const cache of [this.#contacts, this.#listers, this.#blocks, this.#invites]) cache.clear();
  }

  async #byAddress(address: Address): Promise<Person | null> {
    let read: Person | null | undefined;
    const id = await this.#addresses.get(addressKey(address), async () => {
      read = await this.#inner.people.byAddress(address);
      return read && read.id;
    });
    if (read !== undefined) return read;
    if (id === null) return null;
    const person = await this.people.byId(id);
    const isHers = person?.addresses.some((hers) => sameAddress(hers, address)) ?? false;
    return isHers ? person : this.#inner.people.byAddress(address); // it was given away while she was read
  }

  #forget(row: ChangedRow): void {
    switch (row.table) {
      case 'people':
        this.#people.forget(row.id);
        this.#addresses.forgetFlights(); // one of them may lead to her
        break;
      case 'addresses':
        this.#addresses.forget(addressKey(row.address));
        for (const owner of row.owners) this.#people.forget(owner);
        break;
      case 'tokens':
        this.#tokens.forget(row.hash);
        for (const owner of row.owners) this.#tokensOf.forget(owner);
        break;
      case 'contacts':
        this.#between.forget(pairKey(row.target, row.owner));
        this.#contacts.forget(row.owner);
        this.#listers.forget(row.target);
        break;
      case 'blocks':
        this.#between.forget(pairKey(row.blocker, row.blocked));
        this.#between.forget(pairKey(row.blocked, row.blocker));
        this.#blocks.forget(row.blocker);
        this.#blocks.forget(row.blocked);
        break;
      case 'invites':
        this.#invites.forget(row.owner);
        this.#invites.forget(addressKey(row.address));
        break;
      case 'held_tokens':
      case 'meta':
      case 'audit':
        break; // not remembered
    }
  }
}

/** Who is not there is asked for with words of any length, by whoever likes; that is not worth remembering. */
function isSomebody(found: unknown): boolean {
  return found !== null;
}

function pairKey(reader: PersonId, target: PersonId): string {
  return `${reader} ${target}`;
}

function addressKey({ network, id }: Address): string {
  return `${network} ${id}`;
}
