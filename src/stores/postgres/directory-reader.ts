import type { QueryResultRow } from 'pg';
import type {
  AuditEntry,
  AuditReader,
  Block,
  HeldToken,
  HeldTokenReader,
  Invite,
  PeopleReader,
  RelationReader,
  TokenGrant,
  TokenReader,
} from '../../presence/directory.ts';
import type { AddressKind, NetworkName, Person, PersonId, Visibility } from '../../presence/identity.ts';
import { fromColumn, toColumn } from '../text-column.ts';
import type { DirectorySource } from './cached-directory.ts';
import type { DirectoryRow } from './directory-rows.ts';
import type { Primary } from './primary.ts';

interface PersonRow {
  readonly id: PersonId;
  readonly display_name: string | null;
  readonly avatar_url: string | null;
  readonly visibility: Visibility;
  readonly created_at: string;
  readonly addresses: readonly (readonly [NetworkName, string, AddressKind])[] | null;
}

interface TokenRow {
  readonly hash: string;
  readonly person: PersonId;
  readonly network: NetworkName;
  readonly device_id: string;
  readonly created_at: string;
}

interface HeldTokenRow {
  readonly network: NetworkName;
  readonly id: string;
  readonly sealed: string;
  readonly given_at: string;
}

interface AuditRow extends Omit<AuditEntry, 'seq' | 'at' | 'subjects' | 'details'> {
  readonly seq: string;
  readonly at: string;
  readonly subjects: string;
  readonly details: string;
}

interface InviteRow {
  readonly owner: PersonId;
  readonly network: NetworkName;
  readonly id: string;
}

/** The committed directory. Errors as in `Primary`. */
export function directoryReader(home: Primary): DirectorySource {
  return {
    people: peopleReader(home),
    tokens: tokenReader(home),
    heldTokens: heldTokenReader(home),
    relations: relationReader(home),
    audit: auditReader(home),
    meta: async (key) => {
      const value = await first<{ value: string }>(home, 'SELECT value FROM meta WHERE key = $1', [
        toColumn(key),
      ]);
      return value && fromColumn(value.value);
    },
    positionAfter: async (seq) => {
      const found = await home.query<{ position: string; rows: DirectoryRow[] | null }>(
        `SELECT d.seq AS position, o.rows FROM directory_position d
         LEFT JOIN outbox o ON o.seq > $1 AND o.rows IS NOT NULL`,
        [seq],
      );
      const rows = found.flatMap((row) => row.rows ?? []);
      return { position: Number(found[0]?.position ?? 0), rows };
    },
  };
}

async function first<Row extends QueryResultRow>(
  home: Primary,
  text: string,
  values: readonly unknown[] = [],
): Promise<Row | null> {
  return (await home.query<Row>(text, values))[0] ?? null;
}

function peopleReader(home: Primary): PeopleReader {
  const columns = `p.*, (
    SELECT json_agg(json_build_array(a.network, a.id, a.kind) ORDER BY a.ord) FROM addresses a WHERE a.person = p.id
  ) AS addresses`;

  function person(row: PersonRow): Person {
    const { id, visibility } = row;
    const addresses = (row.addresses ?? []).map(([network, id, kind]) => ({
      network,
      id: fromColumn(id),
      kind,
    }));
    const displayName = row.display_name === null ? null : fromColumn(row.display_name);
    const avatarUrl = row.avatar_url === null ? null : fromColumn(row.avatar_url);
    return { id, displayName, avatarUrl, visibility, createdAt: Number(row.created_at), addresses };
  }
  const one = async (rest: string, values: readonly unknown[]) => {
    const row = await first<PersonRow>(home, `SELECT ${columns} FROM people p ${rest}`, values);
    return row && person(row);
  };

  return {
    // Ids come from outside, too, as they are.
    byId: (id) => one('WHERE p.id = $1', [toColumn(id)]),
    byAddress: ({ network, id }) =>
      one('JOIN addresses found ON found.person = p.id WHERE found.network = $1 AND found.id = $2', [
        network,
        toColumn(id),
      ]),
    page: async (after, limit) => {
      const text = `SELECT ${columns} FROM people p WHERE p.id > $1 ORDER BY p.id LIMIT $2`;
      return (await home.query<PersonRow>(text, [toColumn(after ?? ''), limit])).map(person);
    },
  };
}

function tokenReader(home: Primary): TokenReader {
  function grant({ hash, person, network, device_id, created_at }: TokenRow): TokenGrant {
    return { hash, person, network, deviceId: fromColumn(device_id), createdAt: Number(created_at) };
  }

  return {
    byHash: async (hash) => {
      const row = await first<TokenRow>(home, 'SELECT * FROM tokens WHERE hash = $1', [hash]);
      return row && grant(row);
    },
    of: async (person) => {
      const text = 'SELECT * FROM tokens WHERE person = $1 ORDER BY created_at, ord';
      return (await home.query<TokenRow>(text, [person])).map(grant);
    },
  };
}

function heldTokenReader(home: Primary): HeldTokenReader {
  function held({ network, id, sealed, given_at }: HeldTokenRow): HeldToken {
    return { address: { network, id: fromColumn(id) }, sealed, givenAt: Number(given_at) };
  }

  return {
    of: async ({ network, id }) => {
      const text = 'SELECT * FROM held_tokens WHERE network = $1 AND id = $2';
      const row = await first<HeldTokenRow>(home, text, [network, toColumn(id)]);
      return row && held(row);
    },
    all: async (network) => {
      const text = 'SELECT * FROM held_tokens WHERE network = $1 ORDER BY given_at, ord';
      return (await home.query<HeldTokenRow>(text, [network])).map(held);
    },
  };
}

function auditReader(home: Primary): AuditReader {
  function entry({ seq, at, subjects, details, ...row }: AuditRow): AuditEntry {
    return {
      ...row,
      seq: Number(seq),
      at: Number(at),
      subjects: JSON.parse(subjects) as AuditEntry['subjects'],
      details: JSON.parse(details) as AuditEntry['details'],
    };
  }

  return {
    page: async (before, limit) => {
      const rows = await home.query<AuditRow>(
        `SELECT ord AS seq, at, actor, action, subjects, details FROM audit
         WHERE $1::bigint IS NULL OR ord < $1 ORDER BY ord DESC LIMIT $2`,
        [before, limit],
      );
      return rows.map(entry);
    },
  };
}

function relationReader(home: Primary): RelationReader {
  function invite({ owner, network, id }: InviteRow): Invite {
    return { owner, address: { network, id: fromColumn(id) } };
  }

  return {
    between: async (reader, target) => {
      const row = await first<{ blocked: boolean; lists: boolean }>(
        home,
        `SELECT EXISTS (SELECT FROM blocks WHERE blocker = $1 AND blocked = $2)
             OR EXISTS (SELECT FROM blocks WHERE blocker = $2 AND blocked = $1) AS blocked,
           EXISTS (SELECT FROM contacts WHERE owner = $2 AND target = $1) AS lists`,
        [reader, target],
      );
      return { blocked: row?.blocked === true, listsReader: row?.lists === true };
    },
    contactsOf: async (owner) => {
      const text = 'SELECT target FROM contacts WHERE owner = $1 ORDER BY ord';
      return (await home.query<{ target: PersonId }>(text, [owner])).map(({ target }) => target);
    },
    listersOf: async (target) => {
      const text = 'SELECT owner FROM contacts WHERE target = $1';
      return (await home.query<{ owner: PersonId }>(text, [target])).map(({ owner }) => owner);
    },
    blocksOf: (person) =>
      home.query<Block & QueryResultRow>(
        'SELECT blocker, blocked FROM blocks WHERE $1 IN (blocker, blocked)',
        [person],
      ),
    invites: async (by) => {
      const [condition, values] =
        'owner' in by
          ? ['owner = $1', [by.owner]]
          : ['network = $1 AND id = $2', [by.address.network, toColumn(by.address.id)]];
      const rows = await home.query<InviteRow>(
        `SELECT * FROM invites WHERE ${condition} ORDER BY ord`,
        values,
      );
      return rows.map(invite);
    },
  };
}
