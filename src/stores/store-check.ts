import { closeSync, existsSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** Why a data folder cannot be written to durably; null when it can. */
export interface StoreProblem {
  /** Such as `EACCES`; empty where the system gave none. */
  readonly code: string;
  readonly folder: string;
}

/** Writes, syncs and removes a file in the data folder, or in the one where it would be made. */
export function checkFolder(path: string): StoreProblem | null {
  let folder = resolve(path);
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  try {
    writeDurably(join(folder, `.plexibridge-doctor-${process.pid}`));
    return null;
  } catch (error) {
    return { code: error instanceof Error && 'code' in error ? String(error.code) : '', folder };
  }
}

function writeDurably(file: string): void {
  const descriptor = openSync(file, 'wx', 0o600);
  try {
    writeSync(descriptor, 'durable');
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
    rmSync(file);
  }
}
