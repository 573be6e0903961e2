import { request as ask } from 'undici';
import type { Bench, Row, Slice, Traffic } from './bench.ts';
import { getRequest, putRequest } from './requests.ts';
import type { Surface } from './requests.ts';
import { SURFACES } from './requests.ts';
import type { Rounds } from './stats.ts';
import { alternate, perRound } from './stats.ts';
import type { Line, Result } from './table.ts';
import { short } from './table.ts';
import { anyId, idOf, TOKEN_HOLDERS, tokenOf } from './world.ts';

const CONNECTIONS = 64;
const FEW = 1000;
/** Of every response, and none of what makes it as long as it is. */
const HOP_HEADERS = ['connection', 'keep-alive', 'date', 'content-length'];

/** GET of one person whom everybody asks for. */
export const hotPerson: Row = {
  name: 'http-get',
  measure: async (bench) => {
    const bridge = await bench.bridge(await bench.peopled(FEW));
    const lines: Line[] = [];
    for (const surface of SURFACES) lines.push(...(await hot(bench, bridge, surface)));
    return lines;
  },
};

type Server = Pick<Traffic, 'port' | 'pids'>;

async function hot(bench: Bench, bridge: Server, surface: Surface): Promise<Line[]> {
  const put = { ...bridge, connections: 1, requests: [putRequest(surface, 0)] };
  await bench.load(put, 1);
  const requests = readers((token) => getRequest(surface, idOf(surface.network, 0), token), surface);
  const example = await answerTo(bridge.port, surface);
  const constant = await reference(bench, 'constant', example);
  const fastify = await reference(bench, 'bareFastify', example);
  const common = { connections: CONNECTIONS, requests };
  const rounds = await alternate(bench.size.rounds, {
    bridge: () => bench.load({ ...bridge, ...common }),
    constant: () => bench.load({ ...constant, ...common }),
    fastify: () => bench.load({ ...fastify, ...common }),
  });
  const what = `GET, ${surface.name}, hot person`;
  return [
    cpuLine(what, rounds, ['bridge', 'constant'], 'node:http constant', { atLeast: 0.85 }),
    cpuLine(`bare Fastify, ${surface.name}`, rounds, ['fastify', 'constant'], 'node:http constant', null),
  ];
}

/** GET of anybody among many. */
export const randomPerson: Row = {
  name: 'http-get-random',
  measure: async (bench): Promise<Result[]> => {
    const { people } = bench.size;
    const folder = await bench.peopled(people);
    const bridge = await bench.bridge(folder);
    const raw = await bench.child('raw-http');
    const lookUp = { port: Number(await raw.ask('lookUp', { folder })), pids: [raw.pid] };
    const [surface] = SURFACES;
    const requests = readers((token) => getRequest(surface, anyId(surface.network), token), surface);
    const common = { connections: CONNECTIONS, requests, people };
    const rounds = await alternate(bench.size.rounds, {
      bridge: () => bench.load({ ...bridge, ...common }),
      lookUp: () => bench.load({ ...lookUp, ...common }),
    });
    await bridge.end('SIGTERM');
    const what = `GET, plexichat, random of ${people.toLocaleString('en')}`;
    const goal = { atLeast: 0.85 };
    return [cpuLine(what, rounds, ['bridge', 'lookUp'], 'node:http, same look-up', goal)];
  },
};

/** GET and PUT among few people and among many. */
export const flatness: Row = {
  name: 'flat',
  measure: async (bench) => {
    const { people } = bench.size;
    const few = await bench.bridge(await bench.peopled(FEW));
    const many = await bench.bridge(await bench.peopled(people));
    const [surface] = SURFACES;
    const gets = readers((token) => getRequest(surface, idOf(surface.network, 1), token), surface);
    const puts = Array.from({ length: CONNECTIONS }, (_, n) => putRequest(surface, n));
    const lines: Line[] = [];
    for (const [what, requests] of [
      ['GET', gets],
      ['PUT', puts],
    ] as const) {
      const common = { connections: CONNECTIONS, requests };
      const rounds = await alternate(bench.size.rounds, {
        many: () => bench.load({ ...many, ...common }),
        few: () => bench.load({ ...few, ...common }),
      });
      const line = `${what} with ${people.toLocaleString('en')} people`;
      lines.push(cpuLine(line, rounds, ['many', 'few'], 'with 1,000', { atLeast: 0.85 }));
    }
    await many.end('SIGTERM');
    return lines;
  },
};

/** Processor time for each request, held against that of a reference. */
export function cpuLine(
  what: string,
  rounds: Rounds<Slice>,
  [name, against]: readonly [string, string],
  reference: string,
  goal: Line['goal'],
): Line {
  const cpu = (which: string) => `${short(perRound(rounds, (of) => of(which).cpu).median)} µs CPU`;
  const value = perRound(rounds, (of) => of(against).cpu / of(name).cpu);
  return { what, figure: cpu(name), reference: `${reference}: ${cpu(against)}`, value, goal };
}

function readers(make: (token: string) => string, { network }: Surface): string[] {
  // Number 0 is whom they look at, who would see herself.
  return Array.from({ length: CONNECTIONS }, (_, i) => make(tokenOf(network, 1 + (i % (TOKEN_HOLDERS - 1)))));
}

async function reference(bench: Bench, kind: string, example: object): Promise<Server> {
  const child = await bench.child('raw-http');
  return { port: Number(await child.ask(kind, example)), pids: [child.pid] };
}

/** What the bridge answers, for references to say the same with. */
async function answerTo(port: number, { network, presence }: Surface) {
  const path = presence(idOf(network, 0));
  const authorization = `Bearer ${tokenOf(network, 1)}`;
  const { headers, body } = await ask(`http://127.0.0.1:${port}${path}`, { headers: { authorization } });
  const kept = Object.entries(headers).filter(([name]) => !HOP_HEADERS.includes(name));
  return { path: presence(':id'), headers: Object.fromEntries(kept), body: await body.text() };
}
