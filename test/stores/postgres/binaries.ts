import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, it } from 'vitest';

/** Where Debian and its kin put the programs of each version, which are not in PATH. */
const VERSIONED = '/usr/lib/postgresql';
const PROGRAMS = ['initdb', 'postgres', 'pg_basebackup'];

/** The folder of the server's programs; null where there is none. The newest of several. */
export const BINARIES = findBinaries();

/** Whether a missing server is a failure. */
const REQUIRED = Boolean(process.env['CI']) || process.env['POSTGRES_TESTS'] === 'required';

/** A suite that needs a PostgreSQL server: failing without one in CI, skipped aloud elsewhere. */
export function describePostgres(name: string, body: () => void): void {
  if (BINARIES !== null) {
    describe(name, body);
  } else if (REQUIRED) {
    it(`${name}: finds a PostgreSQL server`, () => {
      throw new Error(`No PostgreSQL: neither in PATH nor under ${VERSIONED}`);
    });
  } else {
    process.stderr.write(`\n!! ${name}: skipped, because there is no PostgreSQL here\n\n`);
    describe.skip(name, body);
  }
}

function findBinaries(): string | null {
  const versions = existsSync(VERSIONED) ? readdirSync(VERSIONED).map(Number) : [];
  const folders = [
    ...versions.toSorted((a, b) => b - a).map((version) => join(VERSIONED, String(version), 'bin')),
    ...(process.env['PATH'] ?? '').split(delimiter),
  ];
  const isWhole = (folder: string) => PROGRAMS.every((program) => existsSync(join(folder, program)));
  return folders.find(isWhole) ?? null;
}

/** Whom the server runs as: it refuses to be root. */
export function serverUser(): { uid: number; gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  const ask = (option: string) => Number(execFileSync('id', [option, 'postgres'], { encoding: 'utf8' }));
  return { uid: ask('-u'), gid: ask('-g') };
}
