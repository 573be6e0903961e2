import { join } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';
import { StoreRefused } from '../refused.ts';

export const LOCK_FILE = 'lock.db';

/**
 * Holds a data folder for this process, until disposed or until the process ends in any way: the operating system
 * then drops the lock. Only `exec` is used, so that closing frees the file at once. Throws `StoreRefused`.
 */
export function lockFolder(folder: string): Disposable {
  const db = new DatabaseSync(join(folder, LOCK_FILE), { timeout: 0 });
  try {
    db.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (cause) {
    db.close();
    const reason = cause instanceof Error ? cause.message : String(cause);
    const problem = `the data folder is in use by another plexibridge (${reason})`;
    throw new StoreRefused(folder, problem, 'Stop that one, or give this one its own folder', { cause });
  }
  return { [Symbol.dispose]: () => db.close() };
}
