import type { Bench, Row } from './bench.ts';
import type { Child } from './child.ts';
import type { FollowedBridge } from './crowd.ts';
import { clockNow, followedBridge, startCrowd, TARGETS } from './crowd.ts';
import type { Rounds } from './stats.ts';
import { alternate, perRound, spreadOf } from './stats.ts';
import type { Line } from './table.ts';
import { short } from './table.ts';
import { atRest, memoryOf, processorOf } from './usage.ts';

/** As long as an event of the bridge. */
const FRAME = JSON.stringify({
  op: 0,
  t: 'PRESENCE_UPDATE',
  s: 1,
  d: { user_id: '175928840000000000', status: 'online', custom_status: 'round 10', custom_emoji: null },
});
const KIB = 1024;

interface Delivery {
  /** Processor time of each, µs. */
  readonly cpu: number;
  /** From the change until the last had it, ms. */
  readonly last: number;
}

interface Side {
  readonly pid: number;
  readonly crowd: Child;
  /** Sends so many events to everybody at once. */
  readonly send: (events: number) => Promise<unknown>;
}

/** One change to many gateway sockets, many changes to the same ones, and what a socket weighs. */
export const fanOut: Row = {
  name: 'fan-out',
  measure: async (bench) => {
    const bridge = await followedBridge(bench);
    const sides = { bridge: await bridgeSide(bench, bridge), ws: await wsSide(bench) };
    await atRest(bridge.pid);
    const empty = memoryOf(bridge.pid);
    const lines: Line[] = [];
    for (const [i, sockets] of bench.size.sockets.entries()) {
      const isLast = i === bench.size.sockets.length - 1;
      await sides.bridge.open(sockets);
      await sides.ws.open(sockets);
      await atRest(bridge.pid);
      if (isLast) lines.push(weight((memoryOf(bridge.pid) - empty) / sockets));
      if (i === 0) lines.push(await storm(bench, sides, sockets));
      lines.push(...(await broadcast(bench, sides, sockets, isLast)));
    }
    return lines;
  },
};

async function bridgeSide(bench: Bench, bridge: FollowedBridge) {
  const crowd = await startCrowd(bench, 'sockets');
  const tokens = bridge.observers('plexichat');
  const open = (count: number) => crowd.ask('open', { port: bridge.port, count, tokens });
  return { pid: bridge.pid, crowd, send: (events: number) => bridge.announce(events), open };
}

async function wsSide(bench: Bench) {
  const server = await bench.child('ws-server');
  const port = Number(await server.ask('start'));
  const crowd = await startCrowd(bench, 'sockets');
  const open = (count: number) => crowd.ask('open', { port, count, tokens: [] });
  const send = (events: number) => server.ask('send', { text: FRAME, events });
  return { pid: server.pid, crowd, send, open };
}

async function broadcast(
  bench: Bench,
  { bridge, ws }: { bridge: Side; ws: Side },
  sockets: number,
  isLast: boolean,
): Promise<Line[]> {
  // Fewer sockets are told more often, so that there is as much to measure.
  const times = Math.min(10, Math.ceil(10_000 / sockets));
  const rounds = await alternate(bench.size.rounds, {
    bridge: () => deliver(bridge, { sockets, times, events: 1 }),
    ws: () => deliver(ws, { sockets, times, events: 1 }),
  });
  const many = sockets.toLocaleString('en');
  const line = cpuRatio(`one change to ${many} sockets`, rounds, { atLeast: 1.2 });
  if (!isLast) return [line];
  const last = (name: string) => perRound(rounds, (of) => of(name).last);
  const told = (name: string) => `${short(last(name).median)} ms`;
  return [
    line,
    {
      what: `last of ${many} sockets`,
      figure: told('bridge'),
      reference: `ws.send(string): ${told('ws')}`,
      value: last('bridge'),
      unit: ' ms',
      goal: { atMost: 100 },
    },
  ];
}

/** Many changes at once to the same watchers. */
async function storm(
  bench: Bench,
  { bridge, ws }: { bridge: Side; ws: Side },
  sockets: number,
): Promise<Line> {
  const rounds = await alternate(bench.size.rounds, {
    bridge: () => deliver(bridge, { sockets, times: 2, events: TARGETS }),
    ws: () => deliver(ws, { sockets, times: 2, events: TARGETS }),
  });
  const what = `storm of ${TARGETS} changes to ${sockets.toLocaleString('en')} sockets`;
  return cpuRatio(what, rounds, { atLeast: 4 });
}

function cpuRatio(what: string, rounds: Rounds<Delivery>, goal: Line['goal']): Line {
  const cpu = (name: string) => `${short(perRound(rounds, (of) => of(name).cpu).median)} µs CPU each`;
  const value = perRound(rounds, (of) => of('ws').cpu / of('bridge').cpu);
  return { what, figure: cpu('bridge'), reference: `ws.send(string): ${cpu('ws')}`, value, goal };
}

interface Amount {
  readonly sockets: number;
  readonly times: number;
  readonly events: number;
}

async function deliver({ pid, crowd, send }: Side, { sockets, times, events }: Amount): Promise<Delivery> {
  await crowd.ask('beat');
  await atRest(pid);
  const before = processorOf(pid);
  const lasts: number[] = [];
  for (let time = 0; time < times; time++) {
    await crowd.ask('arm', { frames: events });
    const began = clockNow();
    await send(events);
    lasts.push(Number(await crowd.ask('last')) - began);
  }
  const cpu = (processorOf(pid) - before) / (sockets * times * events);
  return { cpu, last: spreadOf(lasts).median };
}

function weight(bytes: number): Line {
  const value = spreadOf([bytes / KIB]);
  return {
    what: 'memory of an idle gateway socket',
    figure: `${short(bytes / KIB)} KiB`,
    reference: '',
    value,
    unit: ' KiB',
    goal: { atMost: 12 },
  };
}
