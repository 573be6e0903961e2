import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Row } from './bench.ts';
import { Bench, SMOKE, WHOLE } from './bench.ts';
import { fanOut } from './fan-out.ts';
import { groupCommit } from './group-commit.ts';
import { flatness, hotPerson, randomPerson } from './http-get.ts';
import { durable, overPostgres } from './http-put.ts';
import { memory } from './memory.ts';
import { nodes } from './nodes.ts';
import { start } from './start.ts';
import type { Result } from './table.ts';
import { brokenParts, printTable } from './table.ts';
import { underLoad } from './under-load.ts';
import { waiters } from './waiters.ts';
import { workers } from './workers.ts';

/*
 * How fast the bridge is, held against references that run beside it in turns:
 *   npm run bench -- [--only NAME[,NAME…]] [--json FILE] [--list] [--smoke] [--rounds N] [--ms N]
 * `--smoke` does a little of everything, and fails only where there is no figure at all. Linux only.
 */
const ROWS: readonly Row[] = [
  hotPerson,
  randomPerson,
  flatness,
  durable,
  groupCommit,
  overPostgres,
  fanOut,
  waiters,
  memory,
  start,
  underLoad,
  nodes,
  workers,
];

/** All of it must be done in this time, ms. */
const DEADLINE = 1_800_000;

const { values: options } = parseArgs({
  options: {
    only: { type: 'string' },
    json: { type: 'string' },
    list: { type: 'boolean' },
    smoke: { type: 'boolean' },
    rounds: { type: 'string' },
    ms: { type: 'string' },
  },
});

async function main(): Promise<void> {
  if (options.list) {
    for (const { name } of ROWS) console.log(name);
    return;
  }
  const results = await measure(chosen());
  printTable(results);
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`);
  const broken = brokenParts(results);
  for (const part of broken) console.error(`no figure: ${part}`);
  if (broken.length > 0) process.exitCode = 1;
}

function chosen(): readonly Row[] {
  const names = options.only?.split(',') ?? ROWS.map(({ name }) => name);
  return names.map((name) => {
    const row = ROWS.find((each) => each.name === name);
    if (!row) throw new Error(`no row ${name}: see --list`);
    return row;
  });
}

async function measure(rows: readonly Row[]): Promise<Result[]> {
  const size = options.smoke ? SMOKE : WHOLE;
  const { rounds = size.rounds, ms = size.ms } = options;
  const bench = new Bench({ ...size, rounds: Number(rounds), ms: Number(ms) });
  const results: Result[] = [];
  const interrupted = interruption();
  interrupted.catch(() => undefined);
  try {
    for (const row of rows) {
      process.stderr.write(`${row.name} …\n`);
      results.push(...(await Promise.race([row.measure(bench), interrupted])));
      await bench.endRow();
    }
  } finally {
    await bench[Symbol.asyncDispose]();
  }
  return results;
}

/** Rejects when the time is up or somebody ends the benchmark. */
async function interruption(): Promise<never> {
  return new Promise((_, reject) => {
    const end = (why: string) => () => reject(new Error(why));
    setTimeout(end(`gave up after ${DEADLINE / 1000} s`), DEADLINE).unref();
    process.once('SIGINT', end('interrupted')).once('SIGTERM', end('terminated'));
  });
}

await main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
// What an interrupted row still waits for is of no interest.
process.exit();
