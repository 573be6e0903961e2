import { closeSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Database } from './database.ts';
import { checkpoint, openWriter, readPragma, transaction } from './database.ts';
import { syncFolder } from './files.ts';

/** One kind of file: a mark that tells it from any other SQLite file, and the steps that lead to today's tables. */
export interface FileKind {
  /** SQLite's `application_id`. */
  readonly mark: number;
  /** `wal` for files in use, `delete` for one that travels alone. */
  readonly journal: 'wal' | 'delete';
  /** Step n leads from schema version n to n + 1. Steps are only ever added. */
  readonly migrations: readonly string[];
}

/** The tables of the directory, each in the order of insertion. */
export const DIRECTORY_TABLES = [
  'people',
  'addresses',
  'tokens',
  'held_tokens',
  'contacts',
  'blocks',
  'invites',
  'meta',
  'audit',
] as const;

const DIRECTORY = `
  CREATE TABLE people (
    id TEXT PRIMARY KEY, display_name TEXT, avatar_url TEXT,
    visibility TEXT NOT NULL, created_at INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE addresses (
    network TEXT NOT NULL, id TEXT NOT NULL, person TEXT NOT NULL, kind TEXT NOT NULL,
    PRIMARY KEY (network, id)
  ) STRICT;
  CREATE INDEX addresses_of ON addresses (person);
  CREATE UNIQUE INDEX one_address_of_a_kind ON addresses (person, network, kind) WHERE kind <> 'alias';

  CREATE TABLE tokens (
    hash TEXT PRIMARY KEY, person TEXT NOT NULL, network TEXT NOT NULL,
    device_id TEXT NOT NULL, created_at INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX tokens_of ON tokens (person);

  CREATE TABLE contacts (owner TEXT NOT NULL, target TEXT NOT NULL, PRIMARY KEY (owner, target)) STRICT;
  CREATE INDEX listers_of ON contacts (target);

  CREATE TABLE blocks (blocker TEXT NOT NULL, blocked TEXT NOT NULL, PRIMARY KEY (blocker, blocked)) STRICT;
  CREATE INDEX blockers_of ON blocks (blocked);

  CREATE TABLE invites (
    owner TEXT NOT NULL, network TEXT NOT NULL, id TEXT NOT NULL,
    PRIMARY KEY (owner, network, id)
  ) STRICT;
  CREATE INDEX inviters_of ON invites (network, id);

  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
`;

const HELD_TOKENS = `
  CREATE TABLE held_tokens (
    network TEXT NOT NULL, id TEXT NOT NULL, sealed TEXT NOT NULL, given_at INTEGER NOT NULL,
    PRIMARY KEY (network, id)
  ) STRICT;
`;

/** Added to and read, never changed. */
const AUDIT = `
  CREATE TABLE audit (
    seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, at INTEGER NOT NULL, actor TEXT NOT NULL,
    action TEXT NOT NULL, subjects TEXT NOT NULL, details TEXT NOT NULL
  ) STRICT;
  CREATE TRIGGER audit_keeps_rows BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
  CREATE TRIGGER audit_keeps_words BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
`;

const PRESENCE = `
  CREATE TABLE presence (person TEXT PRIMARY KEY, record TEXT NOT NULL) STRICT, WITHOUT ROWID;
`;

/** `settledAt` in a record as `encodeRecord` writes it. */
export const SETTLED_AT = "json_extract(record, '$[6]')";

/** The truth: one row per batch of presence changes, without gaps, and the directory. */
export const LOG: FileKind = {
  mark: 0x70787031,
  journal: 'wal',
  migrations: [
    `CREATE TABLE log (seq INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT; ${DIRECTORY}`,
    HELD_TOKENS,
    AUDIT,
  ],
};

/** What the log adds up to. Rows up to `folded` are in it, rows up to `folding` may be. */
export const STATE: FileKind = {
  mark: 0x70787032,
  journal: 'wal',
  migrations: [
    `${PRESENCE}
    CREATE INDEX unsettled ON presence (${SETTLED_AT}) WHERE ${SETTLED_AT} IS NOT NULL;
    CREATE TABLE progress (folding INTEGER NOT NULL, folded INTEGER NOT NULL) STRICT;
    INSERT INTO progress VALUES (0, 0);`,
  ],
};

/** Everything in one file, as of one row of the log. */
export const BACKUP: FileKind = {
  mark: 0x70787033,
  journal: 'delete',
  migrations: [DIRECTORY + PRESENCE, HELD_TOKENS, AUDIT],
};

/**
 * Brings a file to today's schema, all steps or none, and then lets `fill` write to it. Ends with a checkpoint, so that
 * the plain header tells the version from then on.
 */
export function migrateFile<T>(file: string, kind: FileKind, fill: (db: Database) => T): T {
  const db = openWriter(file, kind.journal);
  try {
    transaction(db, () => {
      for (const step of kind.migrations.slice(Number(readPragma(db, 'user_version')))) db.exec(step);
      db.exec(`PRAGMA application_id = ${kind.mark}; PRAGMA user_version = ${kind.migrations.length}`);
    });
    const result = fill(db);
    checkpoint(db);
    return result;
  } finally {
    db.close();
  }
}

/** In the name of a file that is being made. */
export const DRAFT = '.plexibridge-draft';

/** Makes a file that is there whole or not at all, whenever the process ends. */
export function createFile<T>(file: string, kind: FileKind, fill: (db: Database) => T): T {
  const draft = `${file}${DRAFT}`;
  for (const left of [draft, `${draft}-wal`, `${draft}-journal`]) rmSync(left, { force: true });
  try {
    // It holds hashes of tokens and what invisible people hide: for its owner only. SQLite keeps the mode.
    closeSync(openSync(draft, 'wx', 0o600));
    const result = migrateFile(draft, kind, fill);
    renameSync(draft, file);
    syncFolder(dirname(file));
    return result;
  } finally {
    rmSync(draft, { force: true });
  }
}
