import { readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sizeOf, syncFolder } from './files.ts';

const MARK = 'clean.json';

/** Notes how the files were left, so that the next start need not read them through. */
export function writeCleanMark(folder: string, files: readonly string[]): void {
  const draft = join(folder, `${MARK}.new`);
  writeFileSync(draft, describe(folder, files), { flush: true });
  renameSync(draft, join(folder, MARK));
  syncFolder(folder);
}

/** Whether the files are just as a clean shutdown left them. The mark is gone afterwards. */
export function takeCleanMark(folder: string, files: readonly string[]): boolean {
  const clean = readMark(folder) === describe(folder, files);
  rmSync(join(folder, MARK), { force: true });
  syncFolder(folder);
  return clean;
}

function readMark(folder: string): string | null {
  try {
    return readFileSync(join(folder, MARK), 'utf8');
  } catch {
    return null;
  }
}

function describe(folder: string, files: readonly string[]): string {
  const marks = files.map((name) => {
    const file = join(folder, name);
    const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
    return { name, size: String(stat?.size), mtimeNs: String(stat?.mtimeNs), wal: sizeOf(`${file}-wal`) };
  });
  return JSON.stringify(marks);
}
