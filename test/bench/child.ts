import type { ChildProcess } from 'node:child_process';
import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const LOADER = new URL('../../config/dev/load-typescript.js', import.meta.url).href;

/** Servers share the first core, what asks them has the second, so that neither takes the other's time. */
export const SERVER_CORE = 0;
export const LOAD_CORE = 1;

/** A process of the benchmark that does what it is told, one thing at a time. */
export interface Child extends AsyncDisposable {
  readonly pid: number;
  /** Has it do something; rejects with what went wrong there. */
  ask(command: string, args?: object): Promise<any>;
}

/** Starts `children/<name>.ts` on one core. */
export async function startChild(name: string, core: number, args: readonly string[] = []): Promise<Child> {
  const child = fork(`${import.meta.dirname}/children/${name}.ts`, [...args], {
    cwd: ROOT,
    execArgv: ['--expose-gc', '--import', LOADER],
    serialization: 'advanced',
  });
  const orphan = () => child.kill('SIGKILL');
  process.once('exit', orphan);
  child.once('exit', () => process.off('exit', orphan));
  await answerOf(child, name);
  const pid = child.pid ?? 0;
  pin(pid, core);
  return {
    pid,
    ask: (command, given = {}) => {
      child.send({ command, args: given });
      return answerOf(child, `${name}: ${command}`);
    },
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Keeps a process and its threads on one core, where the system can. */
export function pin(pid: number, core: number): void {
  try {
    execFileSync('taskset', ['-acp', String(core), String(pid)], { stdio: 'ignore' });
  } catch {
    // No taskset, or no such core: figures are of processor time anyway.
  }
}

async function answerOf(child: ChildProcess, what: string): Promise<any> {
  const died = new AbortController();
  const ended = once(child, 'exit', { signal: died.signal }).then(([code]) => {
    throw new Error(`${what}: the process ended with ${code}`);
  });
  ended.catch(() => undefined);
  try {
    const message: Promise<any[]> = once(child, 'message', { signal: died.signal });
    const [answer] = await Promise.race([message, ended]);
    if (answer.error !== undefined) throw new Error(`${what}: ${answer.error}`);
    return answer.result;
  } finally {
    died.abort();
  }
}
