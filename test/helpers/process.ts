import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Pool } from 'undici';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export const OPERATOR = 'operator-token-for-tests';

export interface Answer {
  readonly status: number;
  readonly body: any;
}

/** A bridge in a process of its own, as `npm start` runs it, on a free port of loopback. */
export interface RunningBridge {
  readonly url: string;
  readonly child: ChildProcess;
  /** Everything printed so far. */
  readonly output: string[];
  /** Ids of the processes that it has started. */
  children(): number[];
  call(
    method: 'GET' | 'PUT' | 'POST' | 'DELETE',
    path: string,
    token: string,
    body?: unknown,
  ): Promise<Answer>;
  /** Sends the signal and resolves with the exit code once the process is gone; null when a signal ended it. */
  end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null>;
}

export async function runBridge(
  data: string,
  env: Record<string, string | undefined> = {},
  options: readonly string[] = [],
  main = 'dist/main.js',
): Promise<RunningBridge> {
  const child = spawn(process.execPath, [main, 'serve', ...options], {
    cwd: ROOT,
    env: {
      PATH: process.env['PATH'],
      PLEXIBRIDGE__STORE__PATH: data,
      PLEXIBRIDGE__LISTEN__PORT: '0',
      PLEXIBRIDGE__OPERATOR__TOKEN: OPERATOR,
      PLEXIBRIDGE__SAMPLES: 'false',
      PLEXIBRIDGE__LIMITS__WRITES__BURST: '1000000',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  // A test that fails before it ends the bridge leaves none behind.
  const killed = () => child.kill('SIGKILL');
  process.once('exit', killed);
  child.once('exit', () => process.off('exit', killed));
  const output: string[] = [];
  const exited = once(child, 'exit').then(([code]) => code as number | null);
  createInterface({ input: child.stderr }).on('line', (line) => output.push(line));
  const lines = createInterface({ input: child.stdout }).on('line', (line) => output.push(line));
  const listening = new Promise<string>((resolve) => {
    lines.on('line', (line) => {
      const url = /listening on (http:\/\/[\d.]+:\d+)/.exec(line)?.[1];
      if (url !== undefined) resolve(url);
    });
  });
  const died = exited.then((code) => {
    throw new Error(`the bridge ended with ${code} before it listened:\n${output.join('\n')}`);
  });
  const url = await Promise.race([listening, died]);
  died.catch(() => undefined);
  const pool = new Pool(url, { connections: 64 });
  return {
    url,
    child,
    output,
    children: () => childrenOf(child.pid ?? 0),
    call: async (method, path, token, body) => {
      const reply = await pool.request({
        method,
        path,
        headers: {
          ...(token === '' ? {} : { authorization: `Bearer ${token}` }),
          'content-type': 'application/json',
        },
        body: body === undefined ? null : JSON.stringify(body),
      });
      const text = await reply.body.text();
      return { status: reply.statusCode, body: text === '' ? null : JSON.parse(text) };
    },
    end: async (signal) => {
      child.kill(signal);
      const code = await exited;
      await pool.destroy();
      return code;
    },
  };
}

function childrenOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return children.split(' ').filter(Boolean).map(Number);
}

export interface TwoAccounts<T = string> {
  readonly plexichat: T;
  readonly matrix: T;
}

/** Makes a person with an account on both networks; the result is a token for each. */
export async function makePerson(
  bridge: Pick<RunningBridge, 'call'>,
  ids: TwoAccounts,
): Promise<TwoAccounts> {
  const account = { plexichat_id: ids.plexichat, matrix_id: ids.matrix };
  const { body: person } = await bridge.call('POST', '/bridge/v1/people', OPERATOR, account);
  const token = async (network: string): Promise<string> =>
    (await bridge.call('POST', `/bridge/v1/people/${person.id}/tokens`, OPERATOR, { network })).body.token;
  return { plexichat: await token('plexichat'), matrix: await token('matrix') };
}
