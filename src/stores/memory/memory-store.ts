import type {
  AuditEntry,
  AuditReader,
  Block,
  Directory,
  DirectoryChange,
  HeldToken,
  HeldTokenReader,
  Invite,
  PeopleReader,
  RelationReader,
  StoredProfile,
  TokenGrant,
  TokenReader,
} from '../../presence/directory.ts';
import { BridgeError } from '../../presence/errors.ts';
import type { Address, AddressKind, Person, PersonId } from '../../presence/identity.ts';
import { sameAddress } from '../../presence/identity.ts';
import type { PresenceRecord } from '../../presence/record.ts';
import type { PresenceStore } from '../../presence/store.ts';

interface AddressRow {
  readonly address: Address;
  readonly person: PersonId;
  readonly kind: AddressKind;
}

/** Store and directory in plain maps, for tests: the contracts without the disk. */
export class MemoryStore implements PresenceStore, Directory {
  readonly #records = new Map<PersonId, PresenceRecord>();
  readonly #people = new Map<PersonId, StoredProfile>();
  readonly #addresses = new Map<string, AddressRow>();
  readonly #tokens = new Map<string, TokenGrant>();
  readonly #heldTokens = new Map<string, HeldToken>();
  readonly #contacts = new Map<string, { owner: PersonId; target: PersonId }>();
  readonly #blocks = new Map<string, Block>();
  readonly #invites = new Map<string, Invite>();
  readonly #meta = new Map<string, string>();
  readonly #audit = new Map<string, AuditEntry>();
  #position = 0;

  get(person: PersonId): Promise<PresenceRecord | null> {
    return Promise.resolve(this.#records.get(person) ?? null);
  }

  compareAndSet(person: PersonId, expected: number, record: PresenceRecord): Promise<boolean> {
    if ((this.#records.get(person)?.version ?? 0) !== expected) return Promise.resolve(false);
    this.#records.set(person, record);
    return Promise.resolve(true);
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- the port is asynchronous
  async *unsettled(now: number): AsyncGenerator<readonly [PersonId, PresenceRecord]> {
    for (const entry of this.#records) if ((entry[1].settledAt ?? 0) > now) yield entry;
  }

  readonly people: PeopleReader = {
    byId: (id) => Promise.resolve(this.#person(id)),
    byAddress: (address) => {
      const row = this.#addresses.get(keyOf(address));
      return Promise.resolve(row ? this.#person(row.person) : null);
    },
    page: (after, limit) => {
      const ids = [...this.#people.keys()].sort().filter((id) => after === null || id > after);
      return Promise.resolve(ids.slice(0, limit).flatMap((id) => this.#person(id) ?? []));
    },
  };

  readonly tokens: TokenReader = {
    byHash: (hash) => Promise.resolve(this.#tokens.get(hash) ?? null),
    of: (person) =>
      Promise.resolve(
        [...this.#tokens.values()]
          .filter((grant) => grant.person === person)
          .sort((a, b) => a.createdAt - b.createdAt),
      ),
  };

  readonly heldTokens: HeldTokenReader = {
    of: (address) => Promise.resolve(this.#heldTokens.get(keyOf(address)) ?? null),
    all: (network) =>
      Promise.resolve(
        [...this.#heldTokens.values()]
          .filter(({ address }) => address.network === network)
          .sort((a, b) => a.givenAt - b.givenAt),
      ),
  };

  readonly relations: RelationReader = {
    between: (reader, target) =>
      Promise.resolve({
        blocked: this.#blocks.has(`${reader} ${target}`) || this.#blocks.has(`${target} ${reader}`),
        listsReader: this.#contacts.has(`${target} ${reader}`),
      }),
    contactsOf: (owner) =>
      Promise.resolve([...this.#contacts.values()].filter((c) => c.owner === owner).map((c) => c.target)),
    listersOf: (target) =>
      Promise.resolve([...this.#contacts.values()].filter((c) => c.target === target).map((c) => c.owner)),
    blocksOf: (person) =>
      Promise.resolve([...this.#blocks.values()].filter((b) => b.blocker === person || b.blocked === person)),
    invites: (by) =>
      Promise.resolve(
        [...this.#invites.values()].filter((invite) =>
          'owner' in by ? invite.owner === by.owner : sameAddress(invite.address, by.address),
        ),
      ),
  };

  readonly audit: AuditReader = {
    page: (before, limit) =>
      Promise.resolve(
        [...this.#audit.values()]
          .filter(({ seq }) => before === null || seq < before)
          .reverse()
          .slice(0, limit),
      ),
  };

  meta(key: string): Promise<string | null> {
    return Promise.resolve(this.#meta.get(key) ?? null);
  }

  position(): Promise<number> {
    return Promise.resolve(this.#position);
  }

  commit(changes: readonly DirectoryChange[], base?: number): Promise<void> {
    if (base !== undefined && base !== this.#position) return Promise.reject(new BridgeError('conflict'));
    for (const change of changes) {
      if (change.row !== 'presence') continue;
      const stored = this.#records.get(change.person)?.version ?? 0;
      if (stored !== change.expected) return Promise.reject(new BridgeError('conflict'));
    }
    if (this.#doublesAnAddress(changes)) {
      const message = 'A person has at most one address of a kind on a network';
      return Promise.reject(new BridgeError('conflict', message));
    }
    for (const change of changes) this.#put(change);
    if (changes.some(({ row }) => row !== 'presence')) this.#position++;
    return Promise.resolve();
  }

  #doublesAnAddress(changes: readonly DirectoryChange[]): boolean {
    const addresses = new Map(this.#addresses);
    return changes.some((change) => {
      if (change.row !== 'address') return false;
      const { address, value } = change;
      setOrDelete(addresses, keyOf(address), value && { address, ...value });
      if (!value || value.kind === 'alias') return false;
      const alike = [...addresses.values()].filter(
        ({ person, kind, address: { network } }) =>
          person === value.person && kind === value.kind && network === address.network,
      );
      return alike.length > 1;
    });
  }

  #person(id: PersonId): Person | null {
    const profile = this.#people.get(id);
    if (!profile) return null;
    const addresses = [...this.#addresses.values()]
      .filter((row) => row.person === id)
      .map(({ address, kind }) => ({ ...address, kind }));
    return { id, ...profile, addresses };
  }

  #put(change: DirectoryChange): void {
    switch (change.row) {
      case 'person':
        setOrDelete(this.#people, change.id, change.value);
        break;
      case 'address': {
        const { address, value } = change;
        setOrDelete(this.#addresses, keyOf(address), value && { address, ...value });
        break;
      }
      case 'token':
        setOrDelete(this.#tokens, change.hash, change.value && { hash: change.hash, ...change.value });
        break;
      case 'held-token': {
        const { address, value } = change;
        setOrDelete(this.#heldTokens, keyOf(address), value && { address, ...value });
        break;
      }
      case 'contact': {
        const { owner, target, value } = change;
        setOrDelete(this.#contacts, `${owner} ${target}`, value ? { owner, target } : null);
        break;
      }
      case 'block': {
        const { blocker, blocked, value } = change;
        setOrDelete(this.#blocks, `${blocker} ${blocked}`, value ? { blocker, blocked } : null);
        break;
      }
      case 'invite': {
        const { owner, address, value } = change;
        setOrDelete(this.#invites, `${owner} ${keyOf(address)}`, value ? { owner, address } : null);
        break;
      }
      case 'meta':
        this.#meta.set(change.key, change.value);
        break;
      case 'audit':
        if (!this.#audit.has(change.id)) {
          this.#audit.set(change.id, { seq: this.#audit.size + 1, ...change.value });
        }
        break;
      case 'presence':
        setOrDelete(this.#records, change.person, change.value);
        break;
    }
  }
}

function keyOf({ network, id }: Address): string {
  return `${network} ${id}`;
}

function setOrDelete<K, V>(map: Map<K, V>, key: K, value: V | null): void {
  if (value === null) map.delete(key);
  else map.set(key, value);
}
