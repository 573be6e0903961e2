import type { Row, Slice, Traffic } from './bench.ts';
import { requirePostgres } from './postgres-server.ts';
import { getRequest, putRequest, SURFACES } from './requests.ts';
import type { Rounds } from './stats.ts';
import { alternate, perRound } from './stats.ts';
import type { Result } from './table.ts';
import { short } from './table.ts';
import { idOf, tokenOf } from './world.ts';

const PEOPLE = 1000;
const WORKERS = 2;
const CONNECTIONS = 64;
/** One request in so many is a write. */
const WRITE_EVERY = 8;

/**
 * What a second process over PostgreSQL adds. With no more cores than processes that are measured, cores that nobody else
 * uses are reckoned: a request that takes no more processor time beside another process leaves N times as many to N cores.
 */
export const workers: Row = {
  name: 'workers',
  measure: async (bench): Promise<Result[]> => {
    const server = await requirePostgres(bench, PEOPLE);
    if (server === null) return [{ what: `${WORKERS} workers`, skipped: 'there is no PostgreSQL here' }];
    const one = await bench.bridge('unused', server.env);
    const two = await bench.bridge('unused', server.env, ['--workers', String(WORKERS)]);
    const [surface] = SURFACES;
    const { network } = surface;
    const requests = Array.from({ length: CONNECTIONS }, (_, n) =>
      n % WRITE_EVERY === 0
        ? putRequest(surface, n)
        : getRequest(surface, idOf(network, 999), tokenOf(network, n)),
    );
    const load = (bridge: Pick<Traffic, 'port' | 'pids'>) =>
      bench.load({ ...bridge, requests, connections: CONNECTIONS });
    const rounds = await alternate(bench.size.rounds, { two: () => load(two), one: () => load(one) });
    return [
      {
        what: `${WORKERS} workers over PostgreSQL, ${WORKERS} cores reckoned`,
        figure: told(rounds, 'two'),
        reference: `one: ${told(rounds, 'one')}`,
        value: perRound(rounds, (of) => WORKERS * (of('one').cpu / of('two').cpu)),
        goal: { atLeast: 0.75 * WORKERS },
      },
    ];
  },
};

function told(rounds: Rounds<Slice>, name: string): string {
  return `${short(perRound(rounds, (of) => of(name).cpu).median)} µs CPU`;
}
