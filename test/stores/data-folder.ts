import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { SqliteStoreOptions } from '../../src/stores/sqlite/open-store.ts';
import { openSqliteStore } from '../../src/stores/sqlite/open-store.ts';
import type { SqliteStore } from '../../src/stores/sqlite/sqlite-store.ts';

/** A folder of its own for a test, gone afterwards. */
export function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'plexibridge-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface TestLogger {
  readonly lines: string[];
  info(message: string): void;
  warn(message: string): void;
  error(details: { readonly err: unknown }, message: string): void;
}

export function testLogger(): TestLogger {
  const lines: string[] = [];
  return {
    lines,
    info: (message) => void lines.push(message),
    warn: (message) => void lines.push(message),
    error: ({ err }, message) => void lines.push(`${message}: ${String(err)}`),
  };
}

/** A store that folds only when told, and is closed after the test. */
export async function openTestStore(
  path: string,
  options: Partial<SqliteStoreOptions> = {},
): Promise<SqliteStore> {
  const store = await openSqliteStore({ path, logger: testLogger(), foldEveryMs: 86_400_000, ...options });
  onTestFinished(() => store[Symbol.asyncDispose]());
  return store;
}

/**
 * What a crash at this moment would leave: the files without the processes. Copied by another process, since closing
 * a file drops every lock that this one has on it. `without` names files to leave out.
 */
export function crashImage(path: string, without: readonly string[] = []): string {
  const image = tempFolder();
  for (const file of ['log.db', 'log.db-wal', 'state.db', 'state.db-wal']) {
    if (without.includes(file)) continue;
    execFileSync('sh', ['-c', 'test ! -e "$1" || cp "$1" "$2"', 'sh', join(path, file), image]);
  }
  return image;
}

export function digest(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}
