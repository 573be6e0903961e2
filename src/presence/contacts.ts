import type { AuditSources } from './audit.ts';
import { auditRows } from './audit.ts';
import type { Actor, Directory, DirectoryChange, DirectoryListener } from './directory.ts';
import type { DirectoryTurns } from './directory-turns.ts';
import { BridgeError } from './errors.ts';
import type { Address, Person, PersonId } from './identity.ts';
import type { People } from './people.ts';
import { maySee } from './visibility.ts';

export interface ContactsOptions extends AuditSources {
  readonly people: People;
  readonly directory: Directory;
  readonly turns: DirectoryTurns;
  /** The most entries one person's list may hold, invites to unknown addresses included. */
  readonly maxContacts: number;
  readonly listener: DirectoryListener;
}

/**
 * One contact list per person, shared by both networks (semantics §9). An entry is accepted while its owner may see
 * whom it names: acceptance is never stored, so visibility, blocks and drops act at once.
 */
export class Contacts {
  readonly #options: ContactsOptions;

  constructor(options: ContactsOptions) {
    this.#options = options;
  }

  /** Invites, then drops; both idempotent. Says nothing of who exists. Throws `limit_reached`, with nothing changed. */
  async change(owner: PersonId, invite: readonly Address[], drop: readonly Address[]): Promise<void> {
    const { directory, people, turns, maxContacts, listener } = this.#options;
    const changed = await turns.run(async (base) => {
      await people.get(owner);
      const changes = [
        ...(await Promise.all(invite.map((address) => this.#entry(owner, address, true)))),
        ...(await Promise.all(drop.map((address) => this.#entry(owner, address, false)))),
      ];
      // Each invite counts, also one that names somebody twice: a limit that knew would tell who is who.
      const listed = await directory.relations.contactsOf(owner);
      const pending = await directory.relations.invites({ owner });
      if (invite.length > 0 && listed.length + pending.length + invite.length > maxContacts) {
        throw new BridgeError('limit_reached', `A contact list holds at most ${maxContacts} entries`);
      }
      await directory.commit(changes, base);
      return changes;
    });
    for (const change of changed) {
      if (change.row === 'contact') await listener.pairChanged(owner, change.target);
    }
  }

  /** The accepted entries, oldest first. */
  async list(owner: PersonId): Promise<Person[]> {
    return visibleContacts(this.#options.directory, owner);
  }

  /** A block hides each from the other at once; `by` whom, for the audit log. Throws `not_found`. */
  async block(blocker: PersonId, blocked: PersonId, value: boolean, by?: Actor): Promise<void> {
    const { directory, people, turns, listener } = this.#options;
    if (blocker === blocked) throw new BridgeError('bad_parameter', 'Nobody can block herself');
    await turns.run(async (base) => {
      await Promise.all([people.get(blocker), people.get(blocked)]);
      const note = { subjects: [blocker, blocked], details: {} };
      await directory.commit(
        [
          { row: 'block', blocker, blocked, value },
          ...auditRows(this.#options, by, value ? 'block' : 'unblock', note),
        ],
        base,
      );
    });
    await listener.pairChanged(blocker, blocked);
  }

  /**
   * The same by herself, of whoever goes by an address, in silence if that is nobody or she herself. Throws
   * `limit_reached`, whoever is named: a limit that knew would tell who exists.
   */
  async blockAddress(blocker: PersonId, address: Address, value: boolean): Promise<void> {
    const { directory, people, turns, maxContacts, listener } = this.#options;
    const blocked = await turns.run(async (base) => {
      await people.get(blocker);
      if (value && (await this.#blockedBy(blocker)).length >= maxContacts) {
        throw new BridgeError('limit_reached', `Nobody blocks more than ${maxContacts} people`);
      }
      const target = (await people.find(address))?.id;
      if (target === undefined || target === blocker) return null;
      await directory.commit([{ row: 'block', blocker, blocked: target, value }], base);
      return target;
    });
    if (blocked !== null) await listener.pairChanged(blocker, blocked);
  }

  /** Whom she blocked and could see but for that: others are as hidden here as everywhere. In no order. */
  async blocked(blocker: PersonId): Promise<Person[]> {
    const { directory } = this.#options;
    const found = await Promise.all(
      (await this.#blockedBy(blocker)).map(async (id) => {
        const person = await directory.people.byId(id);
        const { listsReader } = await directory.relations.between(blocker, id);
        return person && maySee(person.visibility, { listsReader, blocked: false }) ? person : null;
      }),
    );
    return found.filter((person) => person !== null);
  }

  async #blockedBy(blocker: PersonId): Promise<PersonId[]> {
    const blocks = await this.#options.directory.relations.blocksOf(blocker);
    return blocks.filter((block) => block.blocker === blocker).map(({ blocked }) => blocked);
  }

  async #entry(
    owner: PersonId,
    address: Address,
    value: boolean,
  ): Promise<Extract<DirectoryChange, { row: 'contact' | 'invite' }>> {
    const person = await this.#options.people.find(address);
    if (person) return { row: 'contact', owner, target: person.id, value };
    return { row: 'invite', owner, address: this.#options.people.home(address), value };
  }
}

/** The contacts she may see, oldest first. */
export async function visibleContacts(directory: Directory, owner: PersonId): Promise<Person[]> {
  const targets = await directory.relations.contactsOf(owner);
  const seen = await Promise.all(
    targets.map(async (target) => {
      const person = await directory.people.byId(target);
      const relation = await directory.relations.between(owner, target);
      return person && maySee(person.visibility, relation) ? person : null;
    }),
  );
  return seen.filter((person) => person !== null);
}
