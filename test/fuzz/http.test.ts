import fc from 'fast-check';
import type { InjectOptions, Response as InjectResponse } from 'light-my-request';
import { setImmediate } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { OPERATOR } from '../helpers/app.ts';
import { apiOf, misshapen } from '../trust/error-forms.ts';
import { assertBriefly, SEED } from './check.ts';
import type { FuzzRequest, OpenApi } from './requests.ts';
import { requests, urlOf } from './requests.ts';
import type { Route } from './routes.ts';
import { routesOf } from './routes.ts';
import type { FuzzWorld } from './world.ts';
import { DEADLINE, makeFuzzWorld } from './world.ts';

/** `FUZZ_RUNS=1000 npm test` for a long run, `FUZZ_SEED` repeats one: each is a bridge of its own under so many requests. */
const RUNS = Number(process.env['FUZZ_RUNS'] ?? 8);
const REQUESTS = 150;
/** Longer than any request is held, ms of the bridge’s clock. */
const PATIENCE = 61_000;
/** What the homeserver stand-in of the test cannot do is not the bridge’s fault. */
const UPSTREAM = new Set([502, 503]);

/** What goes on for as long as somebody listens; its refusals end, and the tests of the dashboard read it. */
const isEndless = ({ route, caller }: FuzzRequest) =>
  route.path === '/bridge/v1/events' && caller === 'operator';

async function send(world: FuzzWorld, request: FuzzRequest): Promise<InjectResponse> {
  const { route, caller, body } = request;
  const token = world.tokenOf(caller, route.path);
  const options: InjectOptions = {
    method: route.method as 'GET',
    url: urlOf(request, world),
    headers: {
      'content-type': 'application/json',
      ...(token !== null && { authorization: `Bearer ${token}` }),
    },
    ...(body !== undefined && { payload: typeof body === 'string' ? body : Buffer.from(body) }),
  };
  const answer = world.app.http.inject(options);
  const end = Date.now() + DEADLINE;
  const arrived = new AbortController();
  void answer.catch(() => undefined).finally(() => arrived.abort());
  for (let turn = 0; !arrived.signal.aborted; turn++) {
    await setImmediate();
    // A request that is held waits for the clock of the bridge.
    if (turn === 20) world.app.clock.advance(PATIENCE);
    if (Date.now() > end) throw new Error(`${route.method} ${options.url as string} has no answer`);
  }
  return answer;
}

/** What is wrong with an answer; null when nothing is. */
function wrong(world: FuzzWorld, request: FuzzRequest, url: string, reply: InjectResponse): string | null {
  const { statusCode: status, body } = reply;
  const said = `${status} ${body.slice(0, 300)}`;
  const all = `${JSON.stringify(reply.headers)} ${body}`;
  const byHomeserver = /^\/(_matrix\/app|users|rooms|transactions)/.test(request.route.path);
  if (status >= 500 && !(byHomeserver && UPSTREAM.has(status))) return said;
  if (status >= 400 && request.route.method !== 'HEAD') {
    const shape = misshapen(apiOf(url), status, body);
    if (shape !== null) return shape;
  }
  const sent = decodeURIComponent(url) + String(request.body);
  const leaked = world.secrets.find((secret) => all.includes(secret) && !sent.includes(secret));
  if (leaked !== undefined) return `the secret ${leaked}: ${said}`;
  if (request.caller === 'operator') return null;
  const seen = world.unseen.find((text) => all.includes(text) && !sent.includes(text));
  return seen === undefined ? null : `${seen} is seen: ${said}`;
}

/** Sends all, one after the other; the result is the routes that have something behind them. */
async function fuzz(world: FuzzWorld, stream: Iterable<FuzzRequest>): Promise<Set<Route>> {
  const served = new Set<Route>();
  for (const request of stream) {
    if (isEndless(request)) continue;
    const url = urlOf(request, world);
    const reply = await send(world, request);
    const fault = wrong(world, request, url, reply);
    if (fault !== null) {
      throw new Error(`${request.caller}: ${request.route.method} ${url.slice(0, 400)}: ${fault}`);
    }
    if (reply.statusCode !== 405) served.add(request.route);
    if (request.route.path.includes('/logout')) await world.revive();
  }
  return served;
}

/** Pat looks for everybody on every route. */
function* searches(routes: Iterable<Route>, { ids, own, hidden }: FuzzWorld): Generator<FuzzRequest> {
  for (const route of routes) {
    if (!route.path.includes(':')) continue;
    for (let i = 0; i < ids.length + own.length + hidden.length; i++) {
      yield { route, caller: 'pat', names: [i], query: [], body: route.method === 'GET' ? undefined : '{}' };
    }
  }
}

async function inWorld<T>(play: (world: FuzzWorld) => Promise<T>): Promise<T> {
  const world = await makeFuzzWorld();
  return play(world).finally(() => world[Symbol.asyncDispose]());
}

it(
  `whatever is sent to whatever route, the answer is proper, seed ${SEED}`,
  async () => {
    let document: OpenApi = { paths: {} };
    // Each route a few times, then whatever has something behind it at random.
    const served = await inWorld(async (world) => {
      document = (await world.app.call('GET', '/bridge/openapi.json', OPERATOR)).body as OpenApi;
      const routes = routesOf(world.app.http);
      const samples = fc.sample(requests(routes, document), { numRuns: 2, seed: SEED });
      const each = routes.flatMap((route) => samples.map((request) => ({ ...request, route })));
      return fuzz(world, each);
    });
    for (const path of Object.keys(document.paths)) {
      const known = [...served].some((route) => route.path === path.replace(/\{(\w+)\}/g, ':$1'));
      expect(known, path).toBe(true);
    }
    await inWorld((world) => fuzz(world, searches(served, world)));
    const one = requests([...served], document);
    const stream = fc.array(one, { minLength: REQUESTS, maxLength: REQUESTS, size: 'max' });
    const property = fc.asyncProperty(stream, async (all) => {
      await inWorld((world) => fuzz(world, all));
    });
    await assertBriefly(property, RUNS);
  },
  120_000 + RUNS * 5000,
);
