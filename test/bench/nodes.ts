import type { Bench, Row } from './bench.ts';
import type { Child } from './child.ts';
import { LOAD_CORE, SERVER_CORE } from './child.ts';
import { requirePostgres } from './postgres-server.ts';
import { alternate, perRound, spreadOf } from './stats.ts';
import type { Line, Result } from './table.ts';
import { short } from './table.ts';
import { processorOf } from './usage.ts';

const PEOPLE = 1000;
/** So many are written to: more than a cache is told to hold would be another matter. */
const WRITTEN = 50_000;
const WRITERS = [64, 512];
const NODES = [1, 2, 3];
/** Probes of the feed for each millisecond of a turn. */
const PROBES_PER_MS = 0.1;

interface Rate {
  readonly perSecond: number;
  /** Processor time of the nodes, and of PostgreSQL, for each write, µs. */
  readonly here: number;
  readonly there: number;
  readonly p50: number;
  readonly p99: number;
}

/** As a child tells it. */
interface Done {
  readonly count: number;
  readonly seconds: number;
  readonly p50: number;
  readonly p99: number;
}

/** What PostgreSQL costs, what nodes add, and how long a change takes from one to another; without HTTP. */
export const nodes: Row = {
  name: 'nodes',
  measure: async (bench): Promise<Result[]> => {
    const server = await requirePostgres(bench, PEOPLE);
    if (server === null) return [{ what: 'nodes over PostgreSQL', skipped: 'there is no PostgreSQL here' }];
    const folder = await bench.folder();
    const children = await Promise.all(NODES.map(() => bench.child('store-writers', SERVER_CORE)));
    const lines: Line[] = [];
    for (const writers of WRITERS) {
      // Whoever takes no part must not be there: a node reads what all others write.
      const turn = (kind: string, place: string, count: number) => async () => {
        const taking = children.slice(0, count);
        await Promise.all(taking.map((child) => child.ask('open', { kind, place })));
        const rate = await write(bench, server.pids, taking, writers);
        await Promise.all(taking.map((child) => child.ask('close')));
        return rate;
      };
      const rounds = await alternate(bench.size.rounds, {
        embedded: turn('embedded', folder, 1),
        bare: turn('bare', server.url, 1),
        ...Object.fromEntries(NODES.map((count) => [`${count} nodes`, turn('node', server.url, count)])),
      });
      const told = (name: string) => {
        const middle = (of: (rate: Rate) => number) =>
          short(perRound(rounds, (each) => of(each(name))).median);
        const costs = `${middle((rate) => rate.here)} + ${middle((rate) => rate.there)} µs CPU`;
        return `${middle((rate) => rate.perSecond / 1000)} k/s, p99 ${middle((rate) => rate.p99)} ms, ${costs}`;
      };
      const against = (name: string, reference: string): Line => ({
        what: `writes, ${name}, ${writers} writers`,
        figure: told(name),
        reference: `${reference}: ${told(reference)}`,
        value: perRound(rounds, (of) => of(name).perSecond / of(reference).perSecond),
        goal: null,
      });
      lines.push(against('1 nodes', 'embedded'));
      for (const count of NODES) lines.push(against(`${count} nodes`, 'bare'));
    }
    return [...lines, await reading(bench, server.url, children), await feed(bench, server.url)];
  },
};

async function write(
  bench: Bench,
  primary: () => Promise<readonly number[]>,
  children: readonly Child[],
  writers: number,
): Promise<Rate> {
  const own = children.map(({ pid }) => pid);
  const backends = await primary();
  const before = [processorOf(...own), processorOf(...backends)] as const;
  const args = { writers: Math.ceil(writers / children.length), people: WRITTEN, ms: bench.size.ms };
  const done: Done[] = await Promise.all(children.map((child) => child.ask('run', args)));
  const count = done.reduce((sum, each) => sum + each.count, 0);
  return {
    perSecond: done.reduce((sum, each) => sum + each.count / each.seconds, 0),
    here: (processorOf(...own) - before[0]) / count,
    there: (processorOf(...backends) - before[1]) / count,
    p50: Math.max(...done.map((each) => each.p50)),
    p99: Math.max(...done.map((each) => each.p99)),
  };
}

/** What a change costs a node that only reads it, while another writes as fast as it can. */
async function reading(bench: Bench, place: string, children: readonly Child[]): Promise<Line> {
  const [writer, reader] = children;
  if (!writer || !reader) throw new Error('two nodes are needed');
  await Promise.all([writer, reader].map((child) => child.ask('open', { kind: 'node', place })));
  const turn = async () => {
    const before = processorOf(reader.pid);
    const done: Done = await writer.ask('run', {
      writers: Math.max(...WRITERS),
      people: WRITTEN,
      ms: bench.size.ms,
    });
    return { cpu: (processorOf(reader.pid) - before) / done.count, perSecond: done.count / done.seconds };
  };
  const rounds = await alternate(bench.size.rounds, { reader: turn });
  const cost = perRound(rounds, (of) => of('reader').cpu);
  const perSecond = perRound(rounds, (of) => of('reader').perSecond).median;
  return {
    what: 'a change that another node wrote, at a node that reads it',
    figure: `${short(cost.median)} µs CPU, of ${short(perSecond / 1000)} k/s`,
    reference: '',
    value: cost,
    unit: ' µs',
    goal: null,
  };
}

async function feed(bench: Bench, place: string): Promise<Line> {
  const child = await bench.child('store-writers', LOAD_CORE);
  const times: number[] = await child.ask('feed', {
    place,
    probes: Math.ceil(bench.size.ms * PROBES_PER_MS),
  });
  const at = (part: number) => times[Math.floor(times.length * part)] ?? NaN;
  return {
    what: 'a change, from the call at one node until another is told',
    figure: `p50 ${short(at(0.5))} ms, p99 ${short(at(0.99))} ms`,
    reference: '',
    value: spreadOf(times),
    unit: ' ms',
    goal: null,
  };
}
