declare const brand: unique symbol;
type Branded<Name extends string> = string & { readonly [brand]: Name };

/** Opaque id of a person inside the bridge; 16 base64url characters. */
export type PersonId = Branded<'PersonId'>;
/** A network by its configured name. The core knows no network by name. */
export type NetworkName = Branded<'NetworkName'>;

/** An id on a network, in that network's canonical form. Always a string: ids exceed 2^53. */
export interface Address {
  readonly network: NetworkName;
  readonly id: string;
}

/**
 * How an address belongs to a person: `own` is an account of hers, `stand-in` is what the bridge answers with where
 * she has no account, `alias` is a stand-in that a link replaced and that still leads to her (semantics §1).
 */
export type AddressKind = 'own' | 'stand-in' | 'alias';

export interface PersonAddress extends Address {
  readonly kind: AddressKind;
}

export const VISIBILITIES = ['everyone', 'contacts', 'nobody'] as const;
export type Visibility = (typeof VISIBILITIES)[number];

export interface Profile {
  readonly displayName: string | null;
  readonly avatarUrl: string | null;
  readonly visibility: Visibility;
}

/** Whoever has one presence. */
export interface Person extends Profile {
  readonly id: PersonId;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
  /** At most one `own` and one `stand-in` a network. Derived stand-ins are computed, not stored. */
  readonly addresses: readonly PersonAddress[];
}

export function sameAddress(a: Address, b: Address): boolean {
  return a.network === b.network && a.id === b.id;
}

export function ownAddress(person: Person, network: NetworkName): PersonAddress | undefined {
  return person.addresses.find((address) => address.network === network && address.kind === 'own');
}
