import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunningBridge } from '../helpers/process.ts';
import { runBridge } from '../helpers/process.ts';
import { announce, makeObservers, makePerson } from './people.ts';
import { printFootprint, printRounds } from './report.ts';
import type { Round } from './report.ts';
import { Sockets } from './sockets.ts';
import { Tally } from './tally.ts';
import { atRest, memoryOf, openFilesLimit, processorOf } from './usage.ts';
import { Waiters } from './waiters.ts';

/*
 * How long a change takes to reach everybody who watches:
 *   npm run build && npx tsx test/bench/fan-out.ts [sockets] [waiters] [rounds] [connections of each observer]
 * Exits with 1 when somebody misses a change or is told of it twice, or when it takes too long. Linux only.
 */
const [SOCKETS = 5000, WAITERS = 5000, ROUNDS = 5, PER_OBSERVER = 20] = process.argv.slice(2).map(Number);
/** All of it must be done in this time, ms. */
const DEADLINE = 120_000;
/** Files that Node and the store have open besides connections. */
const OTHER_FILES = 200;

interface Crowd {
  readonly socketTally: Tally;
  readonly waiterTally: Tally;
  readonly sockets: Sockets;
  readonly waiters: Waiters;
}

function makeCrowd(): Crowd {
  const socketTally = new Tally('socket', SOCKETS);
  const waiterTally = new Tally('waiter', WAITERS);
  return { socketTally, waiterTally, sockets: new Sockets(socketTally), waiters: new Waiters(waiterTally) };
}

function settings(): Record<string, string> {
  return {
    PLEXIBRIDGE__LIMITS__SESSIONS: String(Math.max(50, PER_OBSERVER)),
    PLEXIBRIDGE__PLEXICHAT__GATEWAY__CONNECTIONS_PER_PERSON: String(PER_OBSERVER),
    PLEXIBRIDGE__MATRIX__SYNC__WAITERS_PER_PERSON: String(PER_OBSERVER),
    PLEXIBRIDGE__MATRIX__SYNC__MAX_TIMEOUT: '10m',
    PLEXIBRIDGE__LOG__LEVEL: 'warn',
  };
}

async function measure(bridge: RunningBridge, crowd: Crowd): Promise<void> {
  const { socketTally, waiterTally, sockets, waiters } = crowd;
  const pid = bridge.child.pid ?? 0;
  const target = await makePerson(bridge, 0);
  const watching = Math.ceil(SOCKETS / PER_OBSERVER);
  const observers = await makeObservers(bridge, 1, watching);
  const others = await makeObservers(bridge, 1 + watching, Math.ceil(WAITERS / PER_OBSERVER));
  await announce(bridge, target, 0);
  const welcomed = [socketTally.begin(), waiterTally.begin()];

  await atRest(pid);
  const empty = memoryOf(pid);
  await sockets.open(bridge.url, observers, SOCKETS);
  await welcomed[0];
  await atRest(pid);
  const withSockets = memoryOf(pid);
  await waiters.open(bridge.url, others, WAITERS);
  await welcomed[1];
  await atRest(pid);
  printFootprint({ sockets: SOCKETS, waiters: WAITERS, empty, withSockets, full: memoryOf(pid) });

  const rounds: Round[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    sockets.beat();
    await atRest(pid);
    const before = processorOf(pid);
    const arrivals = [socketTally.begin(), waiterTally.begin()] as const;
    await announce(bridge, target, round);
    const [bySocket, byWaiter] = await Promise.all(arrivals);
    await atRest(pid);
    rounds.push({ bySocket, byWaiter, processor: processorOf(pid) - before });
  }
  printRounds(rounds, SOCKETS + WAITERS);
}

async function main(): Promise<void> {
  checkArguments();
  const crowd = makeCrowd();
  const data = await mkdtemp(join(tmpdir(), 'plexibridge-bench-'));
  const bridge = await runBridge(data, settings());
  try {
    await Promise.race([measure(bridge, crowd), interruption(bridge)]);
  } finally {
    const problems = [...crowd.socketTally.problems(), ...crowd.waiterTally.problems()];
    const warnings = bridge.output.filter((line) => !line.includes('listening on')).slice(0, 10);
    for (const line of [...problems, ...warnings]) console.error(line);
    if (problems.length > 0) process.exitCode = 1;
    crowd.sockets.close();
    await crowd.waiters.close();
    await bridge.end('SIGKILL');
    await rm(data, { recursive: true, force: true });
  }
}

function checkArguments(): void {
  const numbers = [SOCKETS, WAITERS, ROUNDS, PER_OBSERVER];
  const possible = Math.min(SOCKETS, WAITERS) >= 0 && Math.min(ROUNDS, PER_OBSERVER) > 0;
  if (!possible || !numbers.every(Number.isInteger)) {
    throw new Error('usage: fan-out.ts [sockets] [waiters] [rounds] [connections of each observer]');
  }
  const files = SOCKETS + WAITERS + OTHER_FILES;
  if (openFilesLimit() < files) {
    throw new Error(
      `${files} open files are needed, ${openFilesLimit()} allowed: run \`ulimit -n ${files}\` first`,
    );
  }
}

/** Rejects when the time is up, the bridge dies or somebody ends the benchmark. */
async function interruption(bridge: RunningBridge): Promise<never> {
  return new Promise((_, reject) => {
    const end = (why: string) => () => reject(new Error(why));
    setTimeout(end(`gave up after ${DEADLINE / 1000} s`), DEADLINE).unref();
    bridge.child.once('exit', end('the bridge has ended'));
    process.once('SIGINT', end('interrupted')).once('SIGTERM', end('terminated'));
  });
}

await main().catch((error: unknown) => {
  console.error(String(error));
  process.exitCode = 1;
});
