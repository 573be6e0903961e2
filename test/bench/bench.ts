import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runBridge } from '../helpers/process.ts';
import type { Child } from './child.ts';
import { LOAD_CORE, pin, SERVER_CORE, startChild } from './child.ts';
import type { Result } from './table.ts';
import { processorOf } from './usage.ts';
import { seedFolder } from './world.ts';

/** How much is done. */
export interface Size {
  readonly rounds: number;
  /** Of one turn, ms. */
  readonly ms: number;
  /** Where there are to be many. */
  readonly people: number;
  /** Gateway sockets: a few, more, and most. */
  readonly sockets: readonly number[];
  readonly waiters: number;
}

export const WHOLE: Size = {
  rounds: 5,
  ms: 1500,
  people: 1_000_000,
  sockets: [1000, 5000, 10_000],
  waiters: 5000,
};
export const SMOKE: Size = { rounds: 1, ms: 100, people: 2000, sockets: [20, 40, 60], waiters: 40 };

/** A group of lines that are measured together. */
export interface Row {
  readonly name: string;
  readonly measure: (bench: Bench) => Promise<Result[]>;
}

export interface Traffic {
  readonly port: number;
  /** Of the server, all that is counted. */
  readonly pids: readonly number[];
  readonly requests: readonly string[];
  readonly connections: number;
  readonly people?: number;
  readonly pause?: number;
}

export interface Slice {
  /** Processor time of the server for each request, µs. */
  readonly cpu: number;
  readonly perSecond: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

const SETTINGS = {
  PLEXIBRIDGE__LIMITS__WRITES__BURST: '1000000',
  PLEXIBRIDGE__LIMITS__WRITES__PER_SECOND: '1000000',
  PLEXIBRIDGE__LIMITS__SESSIONS: '1000',
  PLEXIBRIDGE__PLEXICHAT__GATEWAY__CONNECTIONS_PER_PERSON: '1000',
  PLEXIBRIDGE__MATRIX__SYNC__WAITERS_PER_PERSON: '1000',
  PLEXIBRIDGE__MATRIX__SYNC__MAX_TIMEOUT: '10m',
  PLEXIBRIDGE__LOG__LEVEL: 'warn',
};

/** What the rows are measured with; ends all that it has started. */
export class Bench implements AsyncDisposable {
  readonly size: Size;
  /** What ends each process of the row that is measured. */
  readonly #endings: (() => Promise<unknown>)[] = [];
  readonly #folders: string[] = [];
  readonly #peopled = new Map<number, string>();
  #load: Child | null = null;

  constructor(size: Size) {
    this.size = size;
  }

  /** A new folder, gone in the end. */
  async folder(): Promise<string> {
    const folder = await mkdtemp(join(tmpdir(), 'plexibridge-bench-'));
    this.#folders.push(folder);
    return folder;
  }

  /** A data folder of so many people, made once. Whoever runs on it ends in good order. */
  async peopled(people: number): Promise<string> {
    const known = this.#peopled.get(people);
    if (known !== undefined) return known;
    const folder = await this.folder();
    await seedFolder(folder, people);
    this.#peopled.set(people, folder);
    return folder;
  }

  /** The bridge as `npm start` runs it, on the core of servers. */
  async bridge(data: string, env: Record<string, string | undefined> = {}, options: readonly string[] = []) {
    const bridge = await runBridge(data, { ...SETTINGS, ...env }, options);
    const pids = [bridge.child.pid ?? 0, ...bridge.children()];
    for (const pid of pids) pin(pid, SERVER_CORE);
    this.#endings.push(() => bridge.end('SIGKILL'));
    return { ...bridge, port: Number(new URL(bridge.url).port), pids };
  }

  /** A process of the row, see `startChild`. */
  async child(name: string, core = SERVER_CORE, args: readonly string[] = []): Promise<Child> {
    const child = await startChild(name, core, args);
    this.#endings.push(async () => child[Symbol.asyncDispose]());
    return child;
  }

  /** One turn of HTTP load. Throws when anything is answered otherwise than with 200. */
  async load(traffic: Traffic, ms = this.size.ms): Promise<Slice> {
    const { pids, port, requests, connections, people = 1, pause = 0 } = traffic;
    this.#load ??= await this.child('http-load', LOAD_CORE);
    const before = processorOf(...pids);
    const done = await this.#load.ask('run', { port, requests, connections, people, pause, ms });
    const cpu = (processorOf(...pids) - before) / done.count;
    if (done.failures > 0) throw new Error(`${done.failures} of ${done.count} failed: ${done.example}`);
    return { cpu, perSecond: done.count / done.seconds, p50: done.p50, p99: done.p99 };
  }

  /** Has it done when the row is measured. */
  onEnd(end: () => Promise<unknown>): void {
    this.#endings.push(end);
  }

  /** Ends the processes of a row. */
  async endRow(): Promise<void> {
    this.#load = null;
    for (const end of this.#endings.splice(0).toReversed()) await end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.endRow();
    await Promise.all(this.#folders.map((folder) => rm(folder, { recursive: true, force: true })));
  }
}
