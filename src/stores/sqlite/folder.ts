import { join } from 'node:path';
import { StoreRefused } from '../refused.ts';
import { takeCleanMark } from './clean-mark.ts';
import { checkStructure, readVersion, RESTORE_ADVICE } from './file-check.ts';
import type { FileKind } from './schema.ts';
import { createFile, LOG, migrateFile, STATE } from './schema.ts';

/** The files of a data folder, in the order in which they are made. */
export const LOG_FILE = 'log.db';
export const STATE_FILE = 'state.db';
const KINDS: readonly (readonly [name: string, kind: FileKind])[] = [
  [LOG_FILE, LOG],
  [STATE_FILE, STATE],
];
export const FILES: readonly string[] = KINDS.map(([name]) => name);

/** Makes or migrates the files of a folder. Throws `StoreRefused`, with nothing changed, when they cannot be trusted. */
export function prepareFolder(folder: string): void {
  const found = KINDS.map(([name, kind]) => {
    const file = join(folder, name);
    return { file, kind, version: readVersion(file, kind) };
  });
  refuseHalf(folder, found);
  const clean = takeCleanMark(folder, FILES);
  for (const { file, version } of found) if (version > 0 && !clean) checkStructure(file);
  for (const { file, kind, version } of found) {
    if (version === 0) createFile(file, kind, () => undefined);
    else if (version < kind.migrations.length) migrateFile(file, kind, () => undefined);
  }
}

/** A log may be without a state, since its state can be made again; never the other way round. */
function refuseHalf(folder: string, [log, state]: readonly { version: number }[]): void {
  if (log?.version !== 0 || state?.version === 0) return;
  const problem = `it is missing or empty, although there is a ${STATE_FILE}`;
  throw new StoreRefused(join(folder, LOG_FILE), problem, RESTORE_ADVICE);
}
