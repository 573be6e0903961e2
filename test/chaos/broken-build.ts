import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A line of the build, and what takes its place. */
export interface Damage {
  /** Under `dist`. */
  readonly file: string;
  readonly line: string;
  readonly instead: string;
}

/** A copy of the build with that damage; resolves with its program. Gone after the test. */
export function breakBuild({ file, line, instead }: Damage): string {
  const folder = mkdtempSync(join(tmpdir(), 'plexibridge-broken-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const name of ['dist', 'package.json']) {
    cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  }
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const path = join(folder, 'dist', file);
  const parts = readFileSync(path, 'utf8').split(line);
  if (parts.length !== 2) throw new Error(`${file} has no such line, or more than one: ${line}`);
  writeFileSync(path, parts.join(instead));
  return join(folder, 'dist', 'main.js');
}
