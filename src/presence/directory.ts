import type { Address, AddressKind, NetworkName, Person, PersonId, Profile } from './identity.ts';
import type { PresenceRecord } from './record.ts';
import type { Relation } from './visibility.ts';

/** People and the addresses that lead to them. */
export interface PeopleReader {
  byId(id: PersonId): Promise<Person | null>;
  byAddress(address: Address): Promise<Person | null>;
  /** Up to `limit` people by ascending id, from the first after `after`. */
  page(after: PersonId | null, limit: number): Promise<Person[]>;
}

/** Tokens by the SHA-256 of their text, base64url; the text itself is never stored. */
export interface TokenReader {
  byHash(hash: string): Promise<TokenGrant | null>;
  /** Oldest first. */
  of(person: PersonId): Promise<TokenGrant[]>;
}

export interface TokenGrant {
  readonly hash: string;
  readonly person: PersonId;
  readonly network: NetworkName;
  readonly deviceId: string;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

/** Tokens of real servers that their owners gave to the bridge, by the account they are for; always encrypted. */
export interface HeldTokenReader {
  of(address: Address): Promise<HeldToken | null>;
  /** All of one network, oldest first. */
  all(network: NetworkName): Promise<HeldToken[]>;
}

export interface HeldToken {
  readonly address: Address;
  readonly sealed: string;
  /** Milliseconds since 1970. */
  readonly givenAt: number;
}

/** Contacts, blocks, and invites to addresses that nobody has yet. */
export interface RelationReader {
  /** How `target` stands to `reader`. */
  between(reader: PersonId, target: PersonId): Promise<Relation>;
  /** Whom she listed, oldest first. */
  contactsOf(owner: PersonId): Promise<PersonId[]>;
  /** Who listed her, in no particular order. */
  listersOf(target: PersonId): Promise<PersonId[]>;
  /** Every block she is part of. */
  blocksOf(person: PersonId): Promise<Block[]>;
  /** Addresses without a person that she invited (`owner`), or the people who invited this one (`address`). */
  invites(by: { owner: PersonId } | { address: Address }): Promise<Invite[]>;
}

export interface Block {
  readonly blocker: PersonId;
  readonly blocked: PersonId;
}

export interface Invite {
  readonly owner: PersonId;
  readonly address: Address;
}

/** What operators did, and who linked whom. Rows are only ever added. */
export interface AuditReader {
  /** Up to `limit` entries, the newest first, from the first that is older than `before`; null: from the newest. */
  page(before: number | null, limit: number): Promise<AuditEntry[]>;
}

export const AUDIT_ACTIONS = [
  'person.create',
  'person.edit',
  'person.remove',
  'token.issue',
  'token.revoke',
  'link',
  'unlink',
  'block',
  'unblock',
  'reveal',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** The operator, or a user by her id at the time. */
export type Actor = 'operator' | PersonId;

export interface AuditNote {
  /** Milliseconds since 1970. */
  readonly at: number;
  readonly actor: Actor;
  readonly action: AuditAction;
  /** The people it was done to; some may be gone since. */
  readonly subjects: readonly PersonId[];
  /** Never a secret. */
  readonly details: Readonly<Record<string, string>>;
}

export interface AuditEntry extends AuditNote {
  /** Its place: a later entry has a higher one. */
  readonly seq: number;
}

export type StoredProfile = Profile & { readonly createdAt: number };

/** One row put (`null` or `false`: removed). Rows of a commit act in order; each put is idempotent. */
export type DirectoryChange =
  | { readonly row: 'person'; readonly id: PersonId; readonly value: StoredProfile | null }
  | {
      readonly row: 'address';
      readonly address: Address;
      readonly value: { readonly person: PersonId; readonly kind: AddressKind } | null;
    }
  | { readonly row: 'token'; readonly hash: string; readonly value: Omit<TokenGrant, 'hash'> | null }
  | {
      readonly row: 'held-token';
      readonly address: Address;
      readonly value: Omit<HeldToken, 'address'> | null;
    }
  | {
      readonly row: 'contact';
      readonly owner: PersonId;
      readonly target: PersonId;
      readonly value: boolean;
    }
  | ({ readonly row: 'block'; readonly value: boolean } & Block)
  | ({ readonly row: 'invite'; readonly value: boolean } & Invite)
  | { readonly row: 'meta'; readonly key: string; readonly value: string }
  /** The id tells a repetition from a second action. */
  | { readonly row: 'audit'; readonly id: string; readonly value: AuditNote }
  | {
      readonly row: 'presence';
      readonly person: PersonId;
      /** As in `compareAndSet`; another stored version fails the whole commit with `conflict`. */
      readonly expected: number;
      readonly value: PresenceRecord | null;
    };

/** Who is who, and who may see whom. Small, read often, changed rarely. */
export interface Directory {
  readonly people: PeopleReader;
  readonly tokens: TokenReader;
  readonly heldTokens: HeldTokenReader;
  readonly relations: RelationReader;
  readonly audit: AuditReader;
  /** Named facts about the whole bridge, such as the last stand-in handed out. */
  meta(key: string): Promise<string | null>;
  /** How far the directory has come; every later read sees at least this much. */
  position(): Promise<number>;
  /**
   * All of the changes or none. Resolves once they are durable and every later read on this node sees them. Throws
   * `conflict` without words when a record is of another version, or when another node has changed the directory since the
   * position `base`; `conflict` with words when the changes break a rule of their own; otherwise errors as in the store.
   */
  commit(changes: readonly DirectoryChange[], base?: number): Promise<void>;
}

/** Told what has changed in the directory, once it is durable and before it is answered. */
export interface DirectoryListener {
  /** Some token may speak for another person now, or for nobody. */
  tokensChanged(): void;
  /** These two may see more or less of each other. */
  pairChanged(a: PersonId, b: PersonId): Promise<void>;
  /** Anybody may see more or less of these people. */
  peopleChanged(people: readonly PersonId[]): Promise<void>;
}
