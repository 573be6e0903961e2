import { auditRows } from './audit.ts';
import type { Clock } from './clock.ts';
import type { Actor, Directory, DirectoryChange, DirectoryListener } from './directory.ts';
import { BridgeError } from './errors.ts';
import type { Timing } from './expiry.ts';
import { lapse, settledAt } from './expiry.ts';
import type {
  Address,
  NetworkName,
  Person,
  PersonAddress,
  PersonId,
  Profile,
  Visibility,
} from './identity.ts';
import { ownAddress } from './identity.ts';
import { mergeRecords } from './merge.ts';
import type { Network } from './network.ts';
import type { DirectoryTurns } from './directory-turns.ts';
import type { People } from './people.ts';
import { addressRow, allocateStandIns, namesOf } from './people.ts';
import type { PresenceRecord, Session } from './record.ts';
import { BLANK } from './record.ts';
import type { PresenceStore } from './store.ts';
import type { Secrets } from './tokens.ts';

export interface LinksOptions {
  readonly people: People;
  readonly directory: Directory;
  readonly store: Pick<PresenceStore, 'get'>;
  readonly networks: readonly Network[];
  readonly clock: Clock;
  readonly secrets: Secrets;
  readonly turns: DirectoryTurns;
  readonly timing: Timing;
  readonly listener: DirectoryListener;
}

/** Two accounts, one person (semantics §1). */
export class Links {
  readonly #options: LinksOptions;

  constructor(options: LinksOptions) {
    this.#options = options;
  }

  /**
   * Makes one person of the owners of two addresses. The older person survives; what names the other leads to her.
   * `by` whom goes to the audit log. Throws `not_found` when an address is nobody's, `conflict` when an account is already linked to another.
   */
  async link(a: Address, b: Address, by?: Actor): Promise<{ person: Person; changed: boolean }> {
    const linked = await this.#options.turns.run(async (base) => {
      const [first, second] = [await this.#find(a), await this.#find(b)];
      if (first.id === second.id) return { id: first.id, absorbed: null };
      const [survivor, absorbed] = first.createdAt <= second.createdAt ? [first, second] : [second, first];
      for (const { name } of this.#options.networks) {
        if (ownAddress(survivor, name) && ownAddress(absorbed, name)) {
          throw new BridgeError('conflict', 'One of the accounts is already linked');
        }
      }
      const subjects = [survivor.id, absorbed.id];
      const details = { accounts: namesOf(ownOf(survivor, absorbed)) };
      await this.#options.directory.commit(
        [
          ...(await this.#merge(survivor, absorbed)),
          ...auditRows(this.#options, by, 'link', { subjects, details }),
        ],
        base,
      );
      return { id: survivor.id, absorbed: absorbed.id };
    });
    if (linked.absorbed !== null) await this.#announce([linked.id, linked.absorbed]);
    return { person: await this.#options.people.get(linked.id), changed: linked.absorbed !== null };
  }

  /** Gives each account its own person again; both keep contacts, blocks and presence. Throws `conflict` when unlinked. */
  async unlink(id: PersonId, by?: Actor): Promise<Person[]> {
    const split = await this.#options.turns.run(async (base) => {
      const person = await this.#options.people.get(id);
      const newcomer = this.#options.secrets.random(12) as PersonId;
      const note = { subjects: [id, newcomer], details: { accounts: namesOf(ownOf(person)) } };
      await this.#options.directory.commit(
        [...(await this.#split(person, newcomer)), ...auditRows(this.#options, by, 'unlink', note)],
        base,
      );
      return newcomer;
    });
    await this.#announce([id, split]);
    return Promise.all([this.#options.people.get(id), this.#options.people.get(split)]);
  }

  async #announce(people: readonly PersonId[]): Promise<void> {
    this.#options.listener.tokensChanged();
    await this.#options.listener.peopleChanged(people);
  }

  async #find(address: Address): Promise<Person> {
    const person = await this.#options.people.find(address);
    if (!person) throw new BridgeError('not_found', `${address.id} belongs to nobody`);
    return person;
  }

  async #merge(survivor: Person, absorbed: Person): Promise<DirectoryChange[]> {
    const { store } = this.#options;
    const [into, from] = [survivor.id, absorbed.id];
    const own = ownOf(survivor, absorbed);
    const replaced = (network: string) => own.some((address) => address.network === network);
    const [mine, hers] = [await store.get(into), await store.get(from)];
    const tokens = [survivor, absorbed].map((person) => this.#moveTokens(person, into));
    return [
      ...(await this.#relations(from, into, true)),
      ...(await Promise.all(tokens)).flat(),
      ...[...survivor.addresses, ...absorbed.addresses].map((address) =>
        addressRow(
          address,
          into,
          address.kind === 'stand-in' && replaced(address.network) ? 'alias' : address.kind,
        ),
      ),
      {
        row: 'person',
        id: into,
        value: { ...mergeProfiles(survivor, absorbed), createdAt: survivor.createdAt },
      },
      { row: 'person', id: from, value: null },
      {
        row: 'presence',
        person: into,
        expected: mine?.version ?? 0,
        value: mergeRecords(mine ?? BLANK, hers ?? BLANK, this.#options.clock.now(), this.#options.timing),
      },
      { row: 'presence', person: from, expected: hers?.version ?? 0, value: null },
    ];
  }

  async #split(person: Person, newcomer: PersonId): Promise<DirectoryChange[]> {
    const { directory, store, networks, clock } = this.#options;
    const derives = (network: string) =>
      networks.find(({ name }) => name === network)?.standIns.kind === 'derived';
    const own = ownOf(person);
    const leaving = own.find(({ network }) => derives(network));
    if (!leaving || own.length < 2) throw new BridgeError('conflict', 'The person is not linked');

    // The stored aliases stood for the leaving account before it was linked; they do again.
    const aliases = person.addresses.filter(({ kind }) => kind === 'alias');
    const now = clock.now();
    const fresh = aliases.length > 0 ? [] : await allocateStandIns(directory, networks, [leaving], now);
    const record = await store.get(person.id);
    const grants = await directory.tokens.of(person.id);
    const { displayName, avatarUrl, visibility } = person;
    return [
      { row: 'person', id: newcomer, value: { displayName, avatarUrl, visibility, createdAt: now } },
      addressRow(leaving, newcomer, 'own'),
      ...aliases.map((alias, index) => addressRow(alias, newcomer, index === 0 ? 'stand-in' : 'alias')),
      ...fresh.flatMap(({ address, meta }) => [addressRow(address, newcomer, 'stand-in'), meta]),
      ...grants
        .filter(({ network }) => network === leaving.network)
        .map(({ hash, ...grant }): DirectoryChange => {
          return { row: 'token', hash, value: { ...grant, person: newcomer } };
        }),
      ...(await this.#relations(person.id, newcomer, false)),
      ...(record ? this.#splitRecord(record, person.id, newcomer, leaving.network) : []),
    ];
  }

  /** Her tokens, given to `into`. One made for a stand-in ends: the account that takes its place is not what it was for. */
  async #moveTokens(person: Person, into: PersonId): Promise<DirectoryChange[]> {
    const grants = await this.#options.directory.tokens.of(person.id);
    return grants.map(({ hash, ...grant }) => {
      const value = ownAddress(person, grant.network) ? { ...grant, person: into } : null;
      return { row: 'token', hash, value };
    });
  }

  /** Both keep what was said; a session or feed stays with the account it was made for. */
  #splitRecord(
    stored: PresenceRecord,
    person: PersonId,
    newcomer: PersonId,
    leaving: NetworkName,
  ): DirectoryChange[] {
    const now = this.#options.clock.now();
    const record = lapse(stored, now, this.#options.timing);
    const part = (version: number, hers: (of: Pick<Session, 'origin'>) => boolean): PresenceRecord => {
      const kept = {
        ...record,
        version,
        sessions: record.sessions.filter(hers),
        feeds: record.feeds.filter(hers),
      };
      return { ...kept, settledAt: settledAt(kept, now, this.#options.timing) };
    };
    const { version } = record;
    return [
      {
        row: 'presence',
        person,
        expected: version,
        value: part(version + 1, ({ origin }) => origin !== leaving),
      },
      {
        row: 'presence',
        person: newcomer,
        expected: 0,
        value: part(1, ({ origin }) => origin === leaving),
      },
    ];
  }

  /** The contacts, blocks and invites of `from`, given to `to` as well; taken from `from` when `moved`. */
  async #relations(from: PersonId, to: PersonId, moved: boolean): Promise<DirectoryChange[]> {
    const { relations } = this.#options.directory;
    const renamed = (id: PersonId) => (id === from ? to : id);
    const contacts = [
      ...(await relations.contactsOf(from)).map((target) => ({ owner: from, target })),
      ...(await relations.listersOf(from)).map((owner) => ({ owner, target: from })),
    ];
    const blocks = await relations.blocksOf(from);
    const invites = await relations.invites({ owner: from });
    return [
      ...contacts.flatMap(({ owner, target }): DirectoryChange[] => {
        const copy = { owner: renamed(owner), target: renamed(target) };
        return [
          ...(copy.owner === copy.target ? [] : [{ row: 'contact', ...copy, value: true } as const]),
          ...(moved ? [{ row: 'contact', owner, target, value: false } as const] : []),
        ];
      }),
      ...blocks.flatMap((block): DirectoryChange[] => {
        const copy = { blocker: renamed(block.blocker), blocked: renamed(block.blocked) };
        return [
          ...(copy.blocker === copy.blocked ? [] : [{ row: 'block', ...copy, value: true } as const]),
          ...(moved ? [{ row: 'block', ...block, value: false } as const] : []),
        ];
      }),
      ...invites.flatMap(({ address }): DirectoryChange[] => [
        { row: 'invite', owner: to, address, value: true },
        ...(moved ? [{ row: 'invite', owner: from, address, value: false } as const] : []),
      ]),
    ];
  }
}

function ownOf(...people: readonly Person[]): PersonAddress[] {
  return people.flatMap(({ addresses }) => addresses.filter(({ kind }) => kind === 'own'));
}

const STRICTNESS: Record<Visibility, number> = { everyone: 0, contacts: 1, nobody: 2 };

/** The survivor's profile, completed by the other's; the stricter visibility, so that a link reveals nobody. */
function mergeProfiles(survivor: Profile, absorbed: Profile): Profile {
  const stricter = STRICTNESS[absorbed.visibility] > STRICTNESS[survivor.visibility] ? absorbed : survivor;
  return {
    displayName: survivor.displayName ?? absorbed.displayName,
    avatarUrl: survivor.avatarUrl ?? absorbed.avatarUrl,
    visibility: stricter.visibility,
  };
}
