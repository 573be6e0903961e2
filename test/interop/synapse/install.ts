import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { pythonOf, REQUIREMENTS, VENV } from './venv.ts';

const INSTALL_DEADLINE_MS = 10 * 60_000;
// Synapse's wheel is built for the stable ABI of CPython 3.10.
const NEW_ENOUGH = 'import sys; sys.exit(sys.version_info < (3, 10))';

const RUNS = ['-c', 'import synapse.app.homeserver'];
/** What was made completely is only gone if its interpreter is, or finds other packages than before. */
const IS_THERE = ['-c', 'import synapse'];

function succeeds(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore', timeout: INSTALL_DEADLINE_MS }).status === 0;
}

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

/** Makes the environment unless it is there and works. Throws an error that says what to do. */
export async function install(): Promise<void> {
  if (succeeds(pythonOf(VENV), IS_THERE)) return;
  const python = process.env['PYTHON'] ?? 'python3';
  run(python, ['-c', NEW_ENOUGH], 'Synapse needs Python 3.10 or newer as python3, or named in PYTHON.');
  run(
    python,
    ['-c', 'import venv, ensurepip'],
    'Python lacks venv or ensurepip (on Debian: apt-get install python3-venv).',
  );
  await mkdir(dirname(VENV), { recursive: true });
  // It is made aside, so that what is in its place is complete, whoever else makes one at the same time.
  const aside = await mkdtemp(`${VENV}-`);
  try {
    run(python, ['-m', 'venv', aside], 'Python cannot make a virtual environment.');
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--only-binary', ':all:'];
    run(pythonOf(aside), [...pip, '-r', REQUIREMENTS], 'Synapse cannot be installed.');
    run(pythonOf(aside), RUNS, 'Synapse is installed but does not run.');
    if (!succeeds(pythonOf(VENV), IS_THERE)) await rm(VENV, { recursive: true, force: true });
    await rename(aside, VENV).catch(() => undefined);
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
  run(pythonOf(VENV), RUNS, 'Synapse does not run where it is kept.');
}
