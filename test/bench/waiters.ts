import type { Row } from './bench.ts';
import type { Child } from './child.ts';
import { clockNow, followedBridge, startCrowd } from './crowd.ts';
import { alternate, perRound, spreadOf } from './stats.ts';
import type { Line } from './table.ts';
import { short } from './table.ts';
import { atRest, memoryOf, processorOf } from './usage.ts';

const KIB = 1024;

interface WakeUp {
  /** Processor time of each, with the poll that follows, µs. */
  readonly cpu: number;
  /** From the change until the last was answered, ms. */
  readonly last: number;
}

/** One change to many held syncs, and what a held sync weighs. */
export const waiters: Row = {
  name: 'waiters',
  measure: async (bench) => {
    const { waiters: count, rounds } = bench.size;
    const bridge = await followedBridge(bench);
    const polls = await startCrowd(bench, 'waiters');
    await bridge.announce();
    await atRest(bridge.pid);
    const empty = memoryOf(bridge.pid);
    await polls.ask('open', { port: bridge.port, count, tokens: bridge.observers('matrix') });
    await atRest(bridge.pid);
    const bytes = (memoryOf(bridge.pid) - empty) / count;
    const wakeBridge = () => wake(bridge.pid, polls, count, () => bridge.announce());
    const { example } = await wakeBridge();

    const raw = await bench.child('raw-http');
    const port = Number(await raw.ask('hold', { headers: { 'content-type': 'application/json' } }));
    const rawPolls = await startCrowd(bench, 'waiters');
    await rawPolls.ask('open', { port, count, tokens: bridge.observers('matrix'), since: 'start' });
    await atRest(raw.pid);
    const measured = await alternate(rounds, {
      bridge: wakeBridge,
      raw: () => wake(raw.pid, rawPolls, count, () => raw.ask('release', { body: example })),
    });

    const told = (name: string) => {
      const [cpu, last] = [
        perRound(measured, (of) => of(name).cpu),
        perRound(measured, (of) => of(name).last),
      ];
      return `${short(cpu.median)} µs CPU each, last after ${short(last.median)} ms`;
    };
    const many = count.toLocaleString('en');
    return [
      {
        what: `wake-up of ${many} sync waiters`,
        figure: told('bridge'),
        reference: `node:http: ${told('raw')}`,
        value: perRound(measured, (of) => of('raw').cpu / of('bridge').cpu),
        goal: { atLeast: 0.7 },
      },
      weight(bytes),
    ];
  },
};

async function wake(
  pid: number,
  polls: Child,
  count: number,
  change: () => Promise<unknown>,
): Promise<WakeUp & { example: string }> {
  await atRest(pid);
  const before = processorOf(pid);
  await polls.ask('arm');
  const began = clockNow();
  await change();
  const { at, example } = await polls.ask('last');
  await atRest(pid);
  return { cpu: (processorOf(pid) - before) / count, last: at - began, example };
}

function weight(bytes: number): Line {
  return {
    what: 'memory of a sync waiter',
    figure: `${short(bytes / KIB)} KiB`,
    reference: '',
    value: spreadOf([bytes / KIB]),
    unit: ' KiB',
    goal: { atMost: 16 },
  };
}
