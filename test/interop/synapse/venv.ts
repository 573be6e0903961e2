import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Every package of the Python environment, each with its exact version. */
export const REQUIREMENTS = fileURLToPath(new URL('requirements.txt', import.meta.url));

const digest = createHash('sha256').update(readFileSync(REQUIREMENTS)).digest('hex').slice(0, 16);

/** Where the environment is kept for all runs that want the same packages; it may be thrown away at any time. */
export const VENV = join(
  process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'),
  `plexibridge/synapse-${digest}`,
);

/** The interpreter of an environment. */
export function pythonOf(venv: string): string {
  return join(venv, 'bin/python');
}
