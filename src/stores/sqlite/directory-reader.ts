import type {
  Actor,
  AuditAction,
  AuditEntry,
  AuditReader,
  Block,
  Directory,
  HeldToken,
  HeldTokenReader,
  Invite,
  PeopleReader,
  RelationReader,
  TokenGrant,
  TokenReader,
} from '../../presence/directory.ts';
import { BridgeError } from '../../presence/errors.ts';
import type {
  AddressKind,
  NetworkName,
  Person,
  PersonAddress,
  PersonId,
  Visibility,
} from '../../presence/identity.ts';
import type { Database } from './database.ts';
import { prepare } from './database.ts';
import { fromColumn, toColumn } from '../text-column.ts';

interface PersonRow {
  readonly id: PersonId;
  readonly display_name: string | null;
  readonly avatar_url: string | null;
  readonly visibility: Visibility;
  readonly created_at: number;
}

interface AddressRow {
  readonly network: NetworkName;
  readonly id: string;
  readonly kind: AddressKind;
}

interface TokenRow {
  readonly hash: string;
  readonly person: PersonId;
  readonly network: NetworkName;
  readonly device_id: string;
  readonly created_at: number;
}

interface HeldTokenRow {
  readonly network: NetworkName;
  readonly id: string;
  readonly sealed: string;
  readonly given_at: number;
}

interface AuditRow {
  readonly seq: number;
  readonly at: number;
  readonly actor: Actor;
  readonly action: AuditAction;
  readonly subjects: string;
  readonly details: string;
}

interface InviteRow {
  readonly owner: PersonId;
  readonly network: NetworkName;
  readonly id: string;
}

/** The committed directory. Throws `store_unavailable` when it cannot be read. */
export function directoryReader(db: Database): Omit<Directory, 'commit' | 'position'> {
  const meta = prepare<{ value: string }>(db, 'SELECT value FROM meta WHERE key = ?');
  return {
    people: peopleReader(db),
    tokens: tokenReader(db),
    heldTokens: heldTokenReader(db),
    relations: relationReader(db),
    audit: auditReader(db),
    meta: (key) =>
      reading(() => {
        const row = meta.get(toColumn(key));
        return row ? fromColumn(row.value) : null;
      }),
  };
}

/** Runs a read; whatever goes wrong is the store's trouble. */
export function reading<T>(read: () => T): Promise<T> {
  try {
    return Promise.resolve(read());
  } catch (cause) {
    return Promise.reject(new BridgeError('store_unavailable', '', { cause }));
  }
}

function peopleReader(db: Database): PeopleReader {
  const byId = prepare<PersonRow>(db, 'SELECT * FROM people WHERE id = ?');
  const byAddress = prepare<PersonRow>(
    db,
    `SELECT people.* FROM addresses JOIN people ON people.id = addresses.person
     WHERE addresses.network = ? AND addresses.id = ?`,
  );
  const page = prepare<PersonRow>(db, 'SELECT * FROM people WHERE id > ? ORDER BY id LIMIT ?');
  const addressesOf = prepare<AddressRow>(
    db,
    'SELECT network, id, kind FROM addresses WHERE person = ? ORDER BY rowid',
  );

  function person(row: PersonRow): Person {
    const addresses = addressesOf.all(row.id).map(({ network, id, kind }): PersonAddress => {
      return { network, id: fromColumn(id), kind };
    });
    const { id, visibility, created_at: createdAt } = row;
    const displayName = row.display_name === null ? null : fromColumn(row.display_name);
    const avatarUrl = row.avatar_url === null ? null : fromColumn(row.avatar_url);
    return { id, displayName, avatarUrl, visibility, createdAt, addresses };
  }
  const orNull = (row: PersonRow | undefined) => (row ? person(row) : null);

  return {
    byId: (id) => reading(() => orNull(byId.get(id))),
    byAddress: ({ network, id }) => reading(() => orNull(byAddress.get(network, toColumn(id)))),
    page: (after, limit) => reading(() => page.all(after ?? '', limit).map(person)),
  };
}

function tokenReader(db: Database): TokenReader {
  const byHash = prepare<TokenRow>(db, 'SELECT * FROM tokens WHERE hash = ?');
  const of = prepare<TokenRow>(db, 'SELECT * FROM tokens WHERE person = ? ORDER BY created_at, rowid');

  function grant({ hash, person, network, device_id, created_at }: TokenRow): TokenGrant {
    return { hash, person, network, deviceId: fromColumn(device_id), createdAt: created_at };
  }

  return {
    byHash: (hash) =>
      reading(() => {
        const row = byHash.get(hash);
        return row ? grant(row) : null;
      }),
    of: (person) => reading(() => of.all(person).map(grant)),
  };
}

function heldTokenReader(db: Database): HeldTokenReader {
  const of = prepare<HeldTokenRow>(db, 'SELECT * FROM held_tokens WHERE network = ? AND id = ?');
  const all = prepare<HeldTokenRow>(
    db,
    'SELECT * FROM held_tokens WHERE network = ? ORDER BY given_at, rowid',
  );

  function held({ network, id, sealed, given_at }: HeldTokenRow): HeldToken {
    return { address: { network, id: fromColumn(id) }, sealed, givenAt: given_at };
  }

  return {
    of: ({ network, id }) =>
      reading(() => {
        const row = of.get(network, toColumn(id));
        return row ? held(row) : null;
      }),
    all: (network) => reading(() => all.all(network).map(held)),
  };
}

function auditReader(db: Database): AuditReader {
  const page = prepare<AuditRow>(
    db,
    `SELECT seq, at, actor, action, subjects, details FROM audit
     WHERE seq < coalesce(?, 9223372036854775807) ORDER BY seq DESC LIMIT ?`,
  );

  function entry({ subjects, details, ...row }: AuditRow): AuditEntry {
    return {
      ...row,
      subjects: JSON.parse(subjects) as AuditEntry['subjects'],
      details: JSON.parse(details) as AuditEntry['details'],
    };
  }

  return { page: (before, limit) => reading(() => page.all(before, limit).map(entry)) };
}

function relationReader(db: Database): RelationReader {
  const between = prepare<{ blocked: number; lists: number }>(
    db,
    `SELECT EXISTS (SELECT 1 FROM blocks WHERE blocker = ?1 AND blocked = ?2
                    UNION ALL SELECT 1 FROM blocks WHERE blocker = ?2 AND blocked = ?1) AS blocked,
            EXISTS (SELECT 1 FROM contacts WHERE owner = ?2 AND target = ?1) AS lists`,
  );
  const contactsOf = prepare<{ target: PersonId }>(
    db,
    'SELECT target FROM contacts WHERE owner = ? ORDER BY rowid',
  );
  const listersOf = prepare<{ owner: PersonId }>(db, 'SELECT owner FROM contacts WHERE target = ?');
  const blocksOf = prepare<Block>(
    db,
    'SELECT blocker, blocked FROM blocks WHERE blocker = ?1 OR blocked = ?1',
  );
  const invitesOf = prepare<InviteRow>(db, 'SELECT * FROM invites WHERE owner = ? ORDER BY rowid');
  const invitesTo = prepare<InviteRow>(
    db,
    'SELECT * FROM invites WHERE network = ? AND id = ? ORDER BY rowid',
  );

  function invite({ owner, network, id }: InviteRow): Invite {
    return { owner, address: { network, id: fromColumn(id) } };
  }

  return {
    between: (reader, target) =>
      reading(() => {
        const row = between.get(reader, target);
        return { blocked: row?.blocked === 1, listsReader: row?.lists === 1 };
      }),
    contactsOf: (owner) => reading(() => contactsOf.all(owner).map(({ target }) => target)),
    listersOf: (target) => reading(() => listersOf.all(target).map(({ owner }) => owner)),
    blocksOf: (person) =>
      reading(() => blocksOf.all(person).map(({ blocker, blocked }) => ({ blocker, blocked }))),
    invites: (by) =>
      reading(() => {
        if ('owner' in by) return invitesOf.all(by.owner).map(invite);
        const { network, id } = by.address;
        return invitesTo.all(network, toColumn(id)).map(invite);
      }),
  };
}
