import { auditRows } from './audit.ts';
import type { Clock } from './clock.ts';
import type { Actor, Directory, DirectoryChange, DirectoryListener } from './directory.ts';
import type { DirectoryTurns } from './directory-turns.ts';
import { BridgeError } from './errors.ts';
import type { Address, Person, PersonId, Profile } from './identity.ts';
import type { Network } from './network.ts';
import { homeAddress } from './network.ts';
import type { PresenceStore } from './store.ts';
import type { Secrets } from './tokens.ts';

export interface PeopleOptions {
  readonly directory: Directory;
  readonly store: Pick<PresenceStore, 'get'>;
  readonly networks: readonly Network[];
  readonly clock: Clock;
  readonly secrets: Secrets;
  readonly turns: DirectoryTurns;
  readonly listener: DirectoryListener;
}

/** Who is known to the bridge, by which addresses (semantics §1). */
export class People {
  readonly #options: PeopleOptions;

  constructor(options: PeopleOptions) {
    this.#options = options;
  }

  /** The person an address leads to: own, stand-in or alias; null when nobody. */
  find(address: Address): Promise<Person | null> {
    return this.#options.directory.people.byAddress(this.home(address));
  }

  /** Where an address leads once derived stand-ins are undone. */
  home(address: Address): Address {
    return homeAddress(address, this.#options.networks);
  }

  /** Throws `not_found`. */
  async get(id: PersonId): Promise<Person> {
    const person = await this.#options.directory.people.byId(id);
    if (!person) throw new BridgeError('not_found', 'No such person');
    return person;
  }

  async page(after: PersonId | null, limit: number): Promise<Person[]> {
    return this.#options.directory.people.page(after, limit);
  }

  /** A new person with one account or two, already canonical; `by` whom, for the audit log. Throws `bad_parameter`, `conflict`. */
  async create(own: readonly Address[], profile: Profile, by?: Actor): Promise<Person> {
    const { directory, networks, clock, secrets, turns, listener } = this.#options;
    if (own.length === 0) throw new BridgeError('bad_parameter', 'A person needs at least one id');
    for (const address of own) refuseStandIn(address, networks);
    const id = secrets.random(12) as PersonId;
    await turns.run(async (base) => {
      for (const address of own) {
        if (await directory.people.byAddress(address)) {
          throw new BridgeError('conflict', `${address.id} already belongs to a person`);
        }
      }
      const createdAt = clock.now();
      const standIns = await allocateStandIns(directory, networks, own, createdAt);
      const invited = await Promise.all(own.map((address) => directory.relations.invites({ address })));
      await directory.commit(
        [
          { row: 'person', id, value: { ...profile, createdAt } },
          ...own.map((address) => addressRow(address, id, 'own')),
          ...standIns.flatMap(({ address, meta }) => [addressRow(address, id, 'stand-in'), meta]),
          ...invited.flat().flatMap(({ owner, address }): DirectoryChange[] => [
            { row: 'contact', owner, target: id, value: true },
            { row: 'invite', owner, address, value: false },
          ]),
          ...auditRows(this.#options, by, 'person.create', {
            subjects: [id],
            details: { accounts: namesOf(own) },
          }),
        ],
        base,
      );
    });
    await listener.peopleChanged([id]);
    return this.get(id);
  }

  /** Changes what is given, leaves the rest. Throws `not_found`. */
  async edit(id: PersonId, patch: Partial<Profile>, by?: Actor): Promise<Person> {
    const { directory, turns, listener } = this.#options;
    await turns.run(async (base) => {
      const { displayName, avatarUrl, visibility, createdAt } = await this.get(id);
      const value = { displayName, avatarUrl, visibility, createdAt, ...patch };
      const details = {
        fields: Object.keys(patch).join(', '),
        ...(patch.visibility !== undefined && { visibility: patch.visibility }),
      };
      await directory.commit(
        [
          { row: 'person', id, value },
          ...auditRows(this.#options, by, 'person.edit', { subjects: [id], details }),
        ],
        base,
      );
    });
    await listener.peopleChanged([id]);
    return this.get(id);
  }

  /**
   * Forgets the person and all that names her but the audit log; her stand-in is never handed out again. Throws
   * `not_found`.
   */
  async remove(id: PersonId, by?: Actor): Promise<void> {
    const { directory, store, turns, listener } = this.#options;
    await turns.run(async (base) => {
      const person = await this.get(id);
      const { relations, tokens } = directory;
      const record = await store.get(id);
      const [contacts, listers, blocks, invites, grants] = await Promise.all([
        relations.contactsOf(id),
        relations.listersOf(id),
        relations.blocksOf(id),
        relations.invites({ owner: id }),
        tokens.of(id),
      ]);
      await directory.commit(
        [
          ...grants.map(({ hash }): DirectoryChange => ({ row: 'token', hash, value: null })),
          ...person.addresses.flatMap(({ network, id: address }): DirectoryChange[] => [
            { row: 'address', address: { network, id: address }, value: null },
            { row: 'held-token', address: { network, id: address }, value: null },
          ]),
          ...contacts.map((target): DirectoryChange => ({ row: 'contact', owner: id, target, value: false })),
          ...listers.map((owner): DirectoryChange => ({ row: 'contact', owner, target: id, value: false })),
          ...blocks.map((block): DirectoryChange => ({ row: 'block', ...block, value: false })),
          ...invites.map((invite): DirectoryChange => ({ row: 'invite', ...invite, value: false })),
          ...(record
            ? [{ row: 'presence', person: id, expected: record.version, value: null } as const]
            : []),
          { row: 'person', id, value: null },
          ...auditRows(this.#options, by, 'person.remove', {
            subjects: [id],
            details: { accounts: namesOf(person.addresses.filter(({ kind }) => kind === 'own')) },
          }),
        ],
        base,
      );
    });
    listener.tokensChanged();
    await listener.peopleChanged([id]);
  }
}

/** The ids of accounts, for the audit log. */
export function namesOf(accounts: readonly Address[]): string {
  return accounts.map(({ id }) => id).join(' ');
}

export function addressRow(
  { network, id }: Address,
  person: PersonId,
  kind: 'own' | 'stand-in' | 'alias',
): DirectoryChange {
  return { row: 'address', address: { network, id }, value: { person, kind } };
}

/** A stand-in on each network where the accounts of `own` leave her without an address that can be computed. */
export async function allocateStandIns(
  directory: Directory,
  networks: readonly Network[],
  own: readonly Address[],
  now: number,
): Promise<{ address: Address; meta: DirectoryChange }[]> {
  const allocated = [];
  for (const { name, standIns } of networks) {
    if (standIns.kind !== 'allocated' || own.some(({ network }) => network === name)) continue;
    const key = `last-stand-in:${name}`;
    const id = standIns.next(await directory.meta(key), now);
    const meta: DirectoryChange = { row: 'meta', key, value: id };
    allocated.push({ address: { network: name, id }, meta });
  }
  return allocated;
}

function refuseStandIn({ network, id }: Address, networks: readonly Network[]): void {
  if (networks.find(({ name }) => name === network)?.isStandIn(id)) {
    throw new BridgeError('bad_parameter', `${id} lies in the range kept for stand-ins`);
  }
}
