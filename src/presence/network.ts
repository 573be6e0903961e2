import type { Address, NetworkName, Person } from './identity.ts';
import { ownAddress } from './identity.ts';

/** A stand-in computed from the id on the person's home network, and back, without a lookup. */
export interface DerivedStandIns {
  readonly kind: 'derived';
  forHome(homeId: string): string;
  /** The id on the home network, or null when `id` is no stand-in. */
  homeOf(id: string): string | null;
}

/** A stand-in that is handed out once, stored, and never reused. */
export interface AllocatedStandIns {
  readonly kind: 'allocated';
  /** The next id after `last` (the one handed out before, null at first); `now` in ms since 1970. */
  next(last: string | null, now: number): string;
}

/** What the core must know of a network. Implemented by the protocols, composed in the app. */
export interface Network {
  readonly name: NetworkName;
  /** The canonical form of an id as people write it, or null when the text is no id of this network. */
  parseId(text: string): string | null;
  /** Whether the id lies in the range kept for stand-ins, where no account can be. */
  isStandIn(id: string): boolean;
  readonly standIns: DerivedStandIns | AllocatedStandIns;
  /** A token in this network's form; `secret` is 32 random bytes in base64url, `id` whom it is for. */
  tokenText(secret: string, id: string): string;
}

/** The id she answers with on `network`: her own, else her stand-in (semantics §1). */
export function idOn(person: Person, network: Network): string {
  const own = ownAddress(person, network.name);
  if (own) return own.id;
  if (network.standIns.kind === 'derived') {
    const home = person.addresses.find((address) => address.kind === 'own');
    if (home) return network.standIns.forHome(home.id);
  }
  const standIn = person.addresses.find((a) => a.network === network.name && a.kind === 'stand-in');
  if (!standIn) throw new Error(`person ${person.id} has no address on ${network.name}`);
  return standIn.id;
}

/** Where an id leads: a derived stand-in leads to the account on its home network, anything else to itself. */
export function homeAddress(address: Address, networks: readonly Network[]): Address {
  const network = networks.find(({ name }) => name === address.network);
  if (network?.standIns.kind !== 'derived') return address;
  const homeId = network.standIns.homeOf(address.id);
  const home = networks.find(({ name }) => name !== address.network);
  return homeId !== null && home ? { network: home.name, id: homeId } : address;
}
