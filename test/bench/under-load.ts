import { setTimeout as sleep } from 'node:timers/promises';
import type { Row } from './bench.ts';
import { followedBridge, startCrowd, TARGETS } from './crowd.ts';
import { getRequest, putRequest, SURFACES } from './requests.ts';
import { alternate, perRound } from './stats.ts';
import { short } from './table.ts';
import { atRest } from './usage.ts';
import { idOf, tokenOf } from './world.ts';
import { LOAD_CORE, startChild } from './child.ts';

const READERS = 16;
const WRITERS = 16;
/** Between an answer and the next request, ms: nobody's machine is meant to be full. */
const READ_PAUSE = 5;
const WRITE_PAUSE = 20;
/** Between changes that everybody on the gateway is told, ms. */
const CHANGE_EVERY = 500;

/** How long a GET takes while others write and a crowd is told of changes. */
export const underLoad: Row = {
  name: 'under-load',
  measure: async (bench) => {
    const bridge = await followedBridge(bench);
    const sockets = bench.size.sockets.at(-1) ?? 0;
    const crowd = await startCrowd(bench, 'sockets');
    await crowd.ask('open', { port: bridge.port, count: sockets, tokens: bridge.observers('plexichat') });
    await using writers = await startChild('http-load', LOAD_CORE);
    const [surface] = SURFACES;
    const { network } = surface;
    const gets = Array.from({ length: READERS }, (_, i) =>
      getRequest(surface, idOf(network, 1), tokenOf(network, TARGETS + i)),
    );
    const puts = Array.from({ length: WRITERS }, (_, i) => putRequest(surface, TARGETS + READERS + i));
    const reading = { ...bridge, connections: READERS, requests: gets, pause: READ_PAUSE };
    const ms = bench.size.ms * 2;

    const idle = async () => {
      await crowd.ask('beat');
      await atRest(bridge.pid);
      return bench.load(reading, ms);
    };
    const loaded = async () => {
      await crowd.ask('beat');
      const ending = new AbortController();
      const writing = writers.ask('run', {
        port: bridge.port,
        connections: WRITERS,
        requests: puts,
        people: 1,
        pause: WRITE_PAUSE,
        ms,
      });
      const changing = changes(() => bridge.announce(), ending.signal);
      const slice = await bench.load(reading, ms);
      ending.abort();
      await Promise.all([writing, changing]);
      return slice;
    };
    const rounds = await alternate(bench.size.rounds, { loaded, idle });
    const p99 = (name: string) => `p99 ${short(perRound(rounds, (of) => of(name).p99).median)} ms`;
    return [
      {
        what: `GET while ${WRITERS} write and ${sockets.toLocaleString('en')} sockets receive`,
        figure: p99('loaded'),
        reference: `nothing else: ${p99('idle')}`,
        value: perRound(rounds, (of) => of('loaded').p99 / of('idle').p99),
        goal: { atMost: 2 },
      },
    ];
  },
};

async function changes(announce: () => Promise<void>, ended: AbortSignal): Promise<void> {
  while (!ended.aborted) {
    await announce();
    await sleep(CHANGE_EVERY, undefined, { signal: ended }).catch(() => undefined);
  }
}
