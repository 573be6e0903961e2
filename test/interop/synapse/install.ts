import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { INSTALLED, PYTHON, REQUIREMENTS, VENV } from './venv.ts';

const INSTALL_DEADLINE_MS = 10 * 60_000;
// Synapse's wheel is built for the stable ABI of CPython 3.10.
const NEW_ENOUGH = 'import sys; sys.exit(sys.version_info < (3, 10))';

/** Throws with `advice` and what the command printed, unless it ended with 0. */
function run(command: string, args: readonly string[], advice: string): void {
  const { error, status, stdout, stderr } = spawnSync(command, args, {
    encoding: 'utf8',
    timeout: INSTALL_DEADLINE_MS,
  });
  if (error === undefined && status === 0) return;
  const reason = error === undefined ? `${stdout}${stderr}`.trim() : error.message;
  throw new Error(
    `${advice}\n${command} ${args.join(' ')}: ${reason || `ended with ${status ?? 'a signal'}`}`,
  );
}

/** Makes the environment anew unless it already holds exactly what is required. Throws an error that says what to do. */
export async function install(): Promise<void> {
  const required = readFileSync(REQUIREMENTS, 'utf8');
  if (existsSync(PYTHON) && existsSync(INSTALLED) && readFileSync(INSTALLED, 'utf8') === required) return;
  const python = process.env['PYTHON'] ?? 'python3';
  run(python, ['-c', NEW_ENOUGH], 'Synapse needs Python 3.10 or newer as python3, or named in PYTHON.');
  run(
    python,
    ['-c', 'import venv, ensurepip'],
    'Python lacks venv or ensurepip (on Debian: apt-get install python3-venv).',
  );
  await rm(VENV, { recursive: true, force: true });
  await mkdir(dirname(VENV), { recursive: true });
  run(python, ['-m', 'venv', VENV], 'Python cannot make a virtual environment.');
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--only-binary', ':all:'];
  run(PYTHON, [...pip, '-r', REQUIREMENTS], 'Synapse cannot be installed.');
  run(PYTHON, ['-c', 'import synapse.app.homeserver'], 'Synapse is installed but does not run.');
  await writeFile(INSTALLED, required);
}
