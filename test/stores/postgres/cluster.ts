import type { ChildProcess } from 'node:child_process';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Client } from 'pg';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { BINARIES, serverUser } from './binaries.ts';

/** The longest that a server may take to answer, ms. */
const START_MS = 60_000;
/** The longest that a database may take to be emptied, ms. */
const EMPTY_MS = 5_000;
/** Between two looks at whether it does, ms. */
const LOOK_MS = 20;

/** Such as `{ max_prepared_transactions: '10' }`. */
export type ServerSettings = Readonly<Record<string, string>>;

/** What tests want: quick, and gone with the machine anyway. A process that dies loses nothing by it. */
const SETTINGS: ServerSettings = {
  fsync: 'off',
  max_connections: '200',
  max_prepared_transactions: '20',
  shared_buffers: '32MB',
};

/** One throw-away PostgreSQL server on a free port of loopback. */
export class TestServer {
  readonly port: number;
  readonly folder: string;
  readonly #settings: ServerSettings;
  #child: ChildProcess | null = null;
  #databases = 0;
  readonly #free: string[] = [];

  constructor(folder: string, port: number, settings: ServerSettings) {
    this.folder = folder;
    this.port = port;
    this.#settings = settings;
  }

  url(database = 'postgres'): string {
    return `postgres://postgres@127.0.0.1:${this.port}/${database}`;
  }

  /** The URL of a database without our schema, for the test that runs: emptied, it serves the next one. */
  async newDatabase(): Promise<string> {
    const name = this.#free.pop() ?? (await this.#makeDatabase());
    onTestFinished(async () => {
      const empty = `SET statement_timeout = ${EMPTY_MS}; DROP SCHEMA IF EXISTS plexibridge CASCADE`;
      await this.query(empty, name).then(
        () => this.#free.push(name),
        () => undefined, // held by what a test has left halfway
      );
    });
    return this.url(name);
  }

  async #makeDatabase(): Promise<string> {
    const name = `test_${++this.#databases}`;
    await this.query(`CREATE DATABASE ${name}`);
    return name;
  }

  /** Runs one statement on a connection of its own. */
  async query(text: string, database?: string): Promise<any[]> {
    return queryAt(this.url(database), text);
  }

  async start(): Promise<void> {
    const given = { ...SETTINGS, ...this.#settings, port: String(this.port), listen_addresses: '127.0.0.1' };
    const settings = Object.entries({ ...given, unix_socket_directories: this.folder });
    const child = spawn(
      join(BINARIES ?? '', 'postgres'),
      ['-D', this.folder, ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])],
      { ...serverUser(), cwd: this.folder, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    this.#child = child;
    const output: string[] = [];
    child.stderr.setEncoding('utf8').on('data', (text: string) => output.push(text));
    const orphan = () => signalAll(child, 'SIGKILL');
    process.once('exit', orphan);
    child.once('exit', () => process.off('exit', orphan));
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`PostgreSQL ended:\n${output.join('')}`);
      return this.query('SELECT 1').then(
        () => true,
        () => false,
      );
    });
  }

  /** Ends it in good order: `smart` waits for clients, `fast` breaks connections, `immediate` recovers at the next start. */
  async stop(mode: 'smart' | 'fast' | 'immediate' = 'fast'): Promise<void> {
    const signals = { smart: 'SIGTERM', fast: 'SIGINT', immediate: 'SIGQUIT' } as const;
    await this.#end((child) => child.kill(signals[mode]));
  }

  /** As a crash of its machine would: all of its processes at once. */
  async kill(): Promise<void> {
    let family: number[] = [];
    await this.#end((child) => (family = signalAll(child, 'SIGKILL')));
    // Memory that they share must be free before the next start.
    await until(() => !family.some(isAlive));
  }

  /** Lets all of its processes hang until `resume`: connections stay, nobody answers. */
  pause(): void {
    if (this.#child) signalAll(this.#child, 'SIGSTOP');
  }

  resume(): void {
    if (this.#child) signalAll(this.#child, 'SIGCONT');
  }

  /** A standby that streams from this one, started; its settings are those of this one and `settings`. */
  async replica(settings: ServerSettings = {}): Promise<TestServer> {
    const replica = new TestServer(newFolder(), await freePort(), { ...this.#settings, ...settings });
    const copy = ['-h', '127.0.0.1', '-p', String(this.port), '-U', 'postgres', '-D', replica.folder];
    run('pg_basebackup', [...copy, '-R', '-X', 'stream', '-c', 'fast']);
    await replica.start();
    return replica;
  }

  /** Makes a standby take over. */
  async promote(): Promise<void> {
    await this.query('SELECT pg_promote()');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #end(end: (child: ChildProcess) => void): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    end(child);
    await ended;
  }
}

/** A new server, started. The caller disposes of it. */
export async function startServer(settings: ServerSettings = {}): Promise<TestServer> {
  const folder = newFolder();
  run('initdb', ['-D', folder, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync']);
  const server = new TestServer(folder, await freePort(), settings);
  await server.start();
  return server;
}

/** A server for all tests of a suite; running once they do. */
export function useServer(settings: ServerSettings = {}): () => TestServer {
  let server: TestServer | null = null;
  beforeAll(async () => {
    server = await startServer(settings);
  });
  afterAll(() => server?.[Symbol.asyncDispose]());
  return () => {
    if (!server) throw new Error('the server runs only during tests');
    return server;
  };
}

/** Runs one statement on a connection of its own. */
export async function queryAt(url: string, text: string, values: readonly unknown[] = []): Promise<any[]> {
  const client = new Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query(text, [...values])).rows;
  } finally {
    await client.end();
  }
}

/** Looks until it is so. Throws after a minute. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + START_MS;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error('it has not come to be so in time');
    await wait(LOOK_MS);
  }
}

/** Runs one of the server's programs to its end, as its user. */
function run(program: string, args: readonly string[]): void {
  execFileSync(join(BINARIES ?? '', program), args, {
    ...serverUser(),
    cwd: tmpdir(),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
}

function newFolder(): string {
  const around = mkdtempSync(join(tmpdir(), 'plexibridge-pg-'));
  const user = serverUser();
  if (user) chownSync(around, user.uid, user.gid);
  return around;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}

/** To the server and to the processes that it started, which would outlive it. */
function signalAll(server: ChildProcess, signal: NodeJS.Signals): number[] {
  if (server.pid === undefined || server.exitCode !== null || server.signalCode !== null) return [];
  // Halted first, so that it starts no more of them meanwhile.
  server.kill('SIGSTOP');
  const family = [server.pid, ...childrenOf(server.pid)];
  for (const pid of family) {
    try {
      process.kill(pid, signal);
    } catch {
      // It has gone by itself.
    }
  }
  return family;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

function childrenOf(parent: number): number[] {
  const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' });
  const pairs = table
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number));
  return pairs.flatMap(([pid, ppid]) => (ppid === parent && pid !== undefined ? [pid] : []));
}
