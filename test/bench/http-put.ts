import type { Bench, Row, Traffic } from './bench.ts';
import { requirePostgres } from './postgres-server.ts';
import { putRequest, SURFACES } from './requests.ts';
import { alternate, perRound } from './stats.ts';
import type { Goal, Line, Result } from './table.ts';
import { short } from './table.ts';

const PEOPLE = 1000;
const WRITERS = [64, 512] as const;

/** PUT with the embedded store. */
export const durable: Row = {
  name: 'http-put',
  measure: async (bench) => {
    const bridge = await bench.bridge(await bench.peopled(PEOPLE));
    const goals = [{ atLeast: 0.9 }, { atLeast: 1 }];
    return againstMemory(bench, bridge, 'durable', goals, [SURFACES[0], SURFACES[2]]);
  },
};

/** The same over PostgreSQL. */
export const overPostgres: Row = {
  name: 'postgres',
  measure: async (bench): Promise<Result[]> => {
    const server = await requirePostgres(bench, PEOPLE);
    if (server === null) return [{ what: 'PUT on PostgreSQL', skipped: 'there is no PostgreSQL here' }];
    const bridge = await bench.bridge('unused', server.env);
    const goals = [{ atLeast: 0.65 }, { atLeast: 0.85 }];
    return againstMemory(bench, bridge, 'PostgreSQL', goals, [SURFACES[0]]);
  },
};

async function againstMemory(
  bench: Bench,
  bridge: Pick<Traffic, 'port' | 'pids'>,
  kind: string,
  goals: readonly Goal[],
  surfaces: readonly (typeof SURFACES)[number][],
): Promise<Line[]> {
  const child = await bench.child('memory-bridge');
  const limits = { writes: { burst: 1_000_000, per_second: 1_000_000 } };
  const settings = { limits, samples: false, operator: { token: 'operator-token-for-bench' } };
  const port = Number(await child.ask('start', { people: PEOPLE, settings }));
  const memory = { port, pids: [child.pid] };
  const lines: Line[] = [];
  for (const surface of surfaces) {
    for (const [i, writers] of WRITERS.entries()) {
      const requests = Array.from({ length: writers }, (_, n) => putRequest(surface, n));
      const common = { connections: writers, requests };
      const rounds = await alternate(bench.size.rounds, {
        bridge: () => bench.load({ ...bridge, ...common }),
        memory: () => bench.load({ ...memory, ...common }),
      });
      const told = (name: string) => {
        const [perSecond, cpu] = [
          perRound(rounds, (of) => of(name).perSecond),
          perRound(rounds, (of) => of(name).cpu),
        ];
        return `${short(perSecond.median / 1000)} k/s, ${short(cpu.median)} µs CPU`;
      };
      lines.push({
        what: `PUT, ${surface.name}, ${kind}, ${writers} writers`,
        figure: told('bridge'),
        reference: `in memory: ${told('memory')}`,
        value: perRound(rounds, (of) => of('bridge').perSecond / of('memory').perSecond),
        goal: goals[i] ?? null,
      });
    }
  }
  return lines;
}
