import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { until } from '../stores/postgres/cluster.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** What a clone has, as far as running it needs it. */
const CLONED = [
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'src',
  'config',
  'LICENSE',
  'README.md',
];

export interface StartedAsWritten extends AsyncDisposable {
  readonly url: string;
  /** Everything printed so far. */
  readonly output: readonly string[];
}

/** Runs the line in a fresh copy of the repository, until the bridge that it starts listens, on a free port. */
export async function startAsWritten(line: string, folder: string): Promise<StartedAsWritten> {
  for (const each of CLONED) cpSync(join(ROOT, each), join(folder, each), { recursive: true });
  const child = spawn('bash', ['-c', line], {
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], PLEXIBRIDGE__LISTEN__PORT: '0' },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own: npm and its shells end with it.
    detached: true,
  });
  const group = -(child.pid ?? 0);
  const killed = () => signal(group, 'SIGKILL');
  process.once('exit', killed);
  const output: string[] = [];
  const exited = once(child, 'exit').then(([code]) => {
    throw new Error(`it ended with ${code} before it listened:\n${output.join('\n')}`);
  });
  createInterface({ input: child.stderr }).on('line', (text) => output.push(text));
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (text) => {
      output.push(text);
      const found = /listening on (http:\/\/[\d.]+:\d+)/.exec(text)?.[1];
      if (found !== undefined) resolve(found);
    });
    exited.catch(reject);
  });
  return {
    url,
    output,
    [Symbol.asyncDispose]: async () => {
      signal(group, 'SIGTERM');
      await until(() => !signal(group, 0));
      process.off('exit', killed);
    },
  };
}

/** Whether there was anybody to send it to. */
function signal(group: number, name: NodeJS.Signals | 0): boolean {
  try {
    process.kill(group, name);
    return true;
  } catch {
    return false;
  }
}
