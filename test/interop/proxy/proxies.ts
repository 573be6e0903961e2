import type { ChildProcess } from 'node:child_process';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** Where the servers behind and before the proxy listen, by the port that the published file has for them. */
export type Ports = Readonly<Record<8790 | 8008 | 8000 | 8080 | 8081, number>>;

export interface ProxyKind {
  readonly name: string;
  /** The published file. */
  readonly file: string;
  /** Whether the program is on this machine. */
  isHere(): boolean;
  /** What the program runs with: the published text in whatever it needs around it, and its arguments. */
  prepare(folder: string, text: string): string[];
}

const DEPLOY = fileURLToPath(new URL('../../../config/deploy/', import.meta.url));

export const PROXIES: readonly ProxyKind[] = [
  {
    name: 'nginx',
    file: join(DEPLOY, 'nginx.conf'),
    isHere: () => answers('nginx', '-v'),
    prepare: (folder, text) => {
      const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
        .map((kind) => `${kind}_temp_path ${folder}/${kind};`)
        .join('\n');
      const main = join(folder, 'main.conf');
      const http = `http {\naccess_log off;\n${temporary}\n${text}\n}`;
      writeFileSync(main, `daemon off;\nmaster_process off;\npid ${folder}/pid;\nevents {}\n${http}\n`);
      return ['nginx', '-p', folder, '-e', join(folder, 'error.log'), '-c', main];
    },
  },
  {
    name: 'Caddy',
    file: join(DEPLOY, 'Caddyfile'),
    isHere: () => answers('caddy', 'version'),
    prepare: (folder, text) => {
      const file = join(folder, 'Caddyfile');
      writeFileSync(
        file,
        `{\n\tadmin off\n\tauto_https off\n\tstorage file_system ${folder}/storage\n}\n${text}`,
      );
      return ['caddy', 'run', '--adapter', 'caddyfile', '--config', file];
    },
  },
];

function answers(program: string, argument: string): boolean {
  try {
    execFileSync(program, [argument], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Runs a proxy on the published file, its ports replaced. Resolves once it takes connections; ends by its own pid. */
export function startProxy(kind: ProxyKind, folder: string, ports: Ports): Promise<AsyncDisposable> {
  return startProxyOn(kind, folder, readFileSync(kind.file, 'utf8'), ports);
}

/** The same on another text for it. */
export async function startProxyOn(
  kind: ProxyKind,
  folder: string,
  published: string,
  ports: Readonly<Record<number, number>> & { readonly 8080: number },
): Promise<AsyncDisposable> {
  let text = published;
  for (const [from, port] of Object.entries(ports)) text = text.replaceAll(`:${from}`, `:${port}`);
  const [program = '', ...args] = kind.prepare(folder, text);
  const child = spawn(program, args, { stdio: 'ignore', env: { ...process.env, HOME: folder } });
  const ended = once(child, 'exit');
  const killed = () => child.kill('SIGKILL');
  process.once('exit', killed);
  await takesConnections(ports[8080], child);
  return {
    [Symbol.asyncDispose]: async () => {
      process.off('exit', killed);
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** A foreign program says nothing when it is ready: it is asked until it is, for 20 s at most. */
async function takesConnections(port: number, child: ChildProcess): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt++) {
    if (child.exitCode !== null) throw new Error(`the proxy ended with ${child.exitCode}`);
    const socket = connect(port, '127.0.0.1');
    const taken = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'error').then(() => false),
    ]).catch(() => false);
    socket.destroy();
    if (taken) return;
    await sleep(50);
  }
  throw new Error('the proxy takes no connections');
}
