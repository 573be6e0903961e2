/*
 * What PostgreSQL costs and what nodes add: writes a second of the embedded store, of bare batched SQL, and of 1, 2 and 3
 * nodes, in turns within one run, and how long a change takes from one node to another. On loopback, bounded in time.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../src/presence/clock.ts';
import { BLANK } from '../../src/presence/record.ts';
import { openPostgresStore } from '../../src/stores/postgres/open-store.ts';
import { silentLogger } from '../helpers/logger.ts';
import { queryAt, startServer } from '../stores/postgres/cluster.ts';
import type { Figures, Task } from './scale-out-task.ts';
import { personOf } from './scale-out-task.ts';

const ROUNDS = Number(process.env['BENCH_ROUNDS'] ?? 3);
const MS = Number(process.env['BENCH_MS'] ?? 4_000);
const WRITERS = (process.env['BENCH_WRITERS'] ?? '64,512').split(',').map(Number);
const PEOPLE = 100_000;
const PROBES = 200;

/** Runs the tasks at once, each in a process of its own. */
async function together(tasks: readonly Task[]): Promise<Figures[]> {
  return Promise.all(
    tasks.map(async (task) => {
      const child = fork(join(import.meta.dirname, 'scale-out-node.ts'), {
        execArgv: ['--import', new URL('../../config/dev/load-typescript.js', import.meta.url).href],
      });
      child.send(task);
      const [figures] = (await once(child, 'message')) as [Figures];
      await once(child, 'exit');
      return figures;
    }),
  );
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return ((sorted[(sorted.length - 1) >> 1] ?? NaN) + (sorted[sorted.length >> 1] ?? NaN)) / 2;
}

const sum = (all: readonly Figures[], figure: (one: Figures) => number) =>
  all.reduce((total, one) => total + figure(one), 0);

async function throughput(url: string): Promise<void> {
  for (const writers of WRITERS) {
    const rounds = new Map<string, { perSecond: number; p50: number; p99: number }[]>();
    for (let round = 0; round < ROUNDS; round++) {
      const folder = mkdtempSync(join(tmpdir(), 'plexibridge-bench-'));
      const common = { people: PEOPLE, ms: MS };
      const nodes = (count: number): Task[] =>
        Array.from({ length: count }, () => ({
          ...common,
          kind: 'node',
          place: url,
          writers: Math.floor(writers / count),
        }));
      const variants: [string, Task[]][] = [
        ['embedded store', [{ ...common, kind: 'embedded', place: folder, writers }]],
        ['bare batched SQL', [{ ...common, kind: 'bare', place: url, writers }]],
        ['1 node', nodes(1)],
        ['2 nodes', nodes(2)],
        ['3 nodes', nodes(3)],
      ];
      for (const [name, tasks] of variants) {
        const all = await together(tasks);
        const kept = rounds.get(name) ?? [];
        const slowest = (figure: (one: Figures) => number) => Math.max(...all.map(figure));
        kept.push({
          perSecond: sum(all, ({ perSecond }) => perSecond),
          p50: slowest(({ p50 }) => p50),
          p99: slowest(({ p99 }) => p99),
        });
        rounds.set(name, kept);
      }
      rmSync(folder, { recursive: true, force: true });
    }
    printThroughput(writers, rounds);
  }
}

function printThroughput(
  writers: number,
  rounds: ReadonlyMap<string, readonly { perSecond: number; p50: number; p99: number }[]>,
): void {
  const rate = (name: string) => median((rounds.get(name) ?? []).map(({ perSecond }) => perSecond));
  const [embedded, bare] = [rate('embedded store'), rate('bare batched SQL')];
  console.log(`\n${writers} writers, median of ${ROUNDS} rounds of ${MS} ms`);
  console.log(`${''.padEnd(18)}  writes/s      (min–max)       / embedded  / bare SQL   p50 ms   p99 ms`);
  for (const [name, all] of rounds) {
    const rates = all.map(({ perSecond }) => perSecond);
    const spread = `${Math.min(...rates).toFixed(0)}–${Math.max(...rates).toFixed(0)}`;
    console.log(
      name.padEnd(18),
      rate(name).toFixed(0).padStart(9),
      spread.padStart(16),
      (rate(name) / embedded).toFixed(2).padStart(14),
      (rate(name) / bare).toFixed(2).padStart(11),
      median(all.map(({ p50 }) => p50))
        .toFixed(1)
        .padStart(8),
      median(all.map(({ p99 }) => p99))
        .toFixed(1)
        .padStart(8),
    );
  }
}

/** From the answer to a write at one node to its being told at another, with both at rest otherwise. */
async function feedLatency(url: string): Promise<void> {
  const open = () =>
    openPostgresStore({ shards: [url], connections: 4, clock: systemClock, logger: silentLogger });
  await using writer = await open();
  await using reader = await open();
  const heard = new Map<string, number>();
  const quiet = () => Promise.resolve();
  await reader.follow({
    recordsChanged: (people) => {
      for (const person of people) heard.set(person, performance.now());
      return Promise.resolve();
    },
    directoryChanged: quiet,
    missed: quiet,
  });
  const times: number[] = [];
  for (let probe = 0; probe < PROBES; probe++) {
    const person = personOf(PEOPLE + probe);
    const began = performance.now();
    await writer.compareAndSet(person, 0, { ...BLANK, version: 1 });
    while (!heard.has(person)) await sleep(1);
    times.push((heard.get(person) ?? NaN) - began);
  }
  times.sort((a, b) => a - b);
  const at = (part: number) => (times[Math.floor(times.length * part)] ?? NaN).toFixed(1);
  console.log(`\na change, from the call at one node to another: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`);
}

const server = await startServer({ fsync: 'on', shared_buffers: '256MB', max_wal_size: '4GB' });
try {
  const url = server.url();
  await queryAt(
    url,
    'CREATE TABLE bare (person text PRIMARY KEY, record text NOT NULL) WITH (fillfactor = 70)',
  );
  await throughput(url);
  await feedLatency(url);
} finally {
  await server[Symbol.asyncDispose]();
}
