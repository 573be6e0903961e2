import type { Person, PersonId } from '../../presence/identity.ts';
import { ownAddress } from '../../presence/identity.ts';
import type { Network } from '../../presence/network.ts';
import type { People } from '../../presence/people.ts';
import type { PresenceService } from '../../presence/service.ts';
import { HomeserverFault } from './homeserver-fault.ts';
import type { Reporting } from './reporting.ts';
import type { Room } from './room.ts';

/** People read from the directory at a time. */
const PAGE = 100;

export interface AudibleOptions {
  readonly network: Network;
  readonly presence: Pick<PresenceService, 'fed'>;
  readonly people: Pick<People, 'page'> & { byId(id: PersonId): Promise<Person | null> };
  /** Where the bridge and its stand-ins are; null when they are in no room of their own. */
  readonly room: Pick<Room, 'members'> | null;
  readonly reporting: Pick<Reporting, 'reasonAgainst'>;
}

/**
 * Every user of whom the homeserver could have told the bridge, once: those who are believed to be there, and then whoever is in
 * the room; where that is not to be known, whoever has an account there. Errors as in the store.
 */
export async function* audible(options: AudibleOptions): AsyncGenerator<string> {
  // Before anybody is read: whoever is not in the room sees nobody in it.
  const members = options.room && (await membersOf(options.room));
  const named = new Set<string>();
  for (const source of [believed(options), members ?? registered(options)]) {
    for await (const userId of source) {
      if (named.has(userId) || options.reporting.reasonAgainst(userId) !== null) continue;
      named.add(userId);
      yield userId;
    }
  }
}

async function* believed({ presence, network, people }: AudibleOptions): AsyncGenerator<string> {
  const ids: PersonId[] = [];
  // At once: what is yielded is waited for, and the store should not be.
  for await (const { person } of presence.fed(network.name)) ids.push(person);
  // The store's order tells who was written of lately.
  for (const id of ids.sort()) yield* accountsOf(await people.byId(id), network);
}

async function* registered({ network, people }: AudibleOptions): AsyncGenerator<string> {
  let page = await people.page(null, PAGE);
  while (page.length > 0) {
    for (const person of page) yield* accountsOf(person, network);
    page = await people.page(page.at(-1)?.id ?? null, PAGE);
  }
}

/** Null when they are not to be known. */
async function membersOf(room: Pick<Room, 'members'>): Promise<string[] | null> {
  try {
    const members = await room.members();
    return members && [...members.keys()];
  } catch (error) {
    if (error instanceof HomeserverFault) return null;
    throw error;
  }
}

function accountsOf(person: Person | null, network: Network): string[] {
  const own = person && ownAddress(person, network.name);
  return own ? [own.id] : [];
}
