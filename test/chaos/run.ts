import { onTestFinished } from 'vitest';
import { seededRandom } from '../helpers/random.ts';
import { decodeRecord } from '../../src/stores/record-codec.ts';
import type { TestServer } from '../stores/postgres/cluster.ts';
import { until } from '../stores/postgres/cluster.ts';
import type { Fault } from './faults.ts';
import { inflict } from './faults.ts';
import type { FleetNode, FleetOptions } from './fleet.ts';
import { startFleet } from './fleet.ts';
import { GatewayWatcher } from './gateway-watcher.ts';
import type { Commit, History } from './history.ts';
import { Load } from './load.ts';
import type { Member } from './people.ts';
import { get, makeMember, makeWatcher, textOf } from './people.ts';
import { Recorder } from './recorder.ts';
import { Site } from './site.ts';
import { SyncWatcher } from './sync-watcher.ts';

const PEOPLE = ['ann', 'ben', 'cem', 'dot'];
const WATCHERS = {
  gateway: ['gateway-1', 'gateway-2', 'gateway-3'],
  sync: ['sync-1', 'sync-2', 'sync-3'],
};
/** How long a node believes what it has read, and as long again for a slow machine, ms. */
const STALE_MS = 6_000;

/** Nodes over a site, and people who are watched there. */
export interface World {
  readonly site: Site;
  readonly nodes: readonly FleetNode[];
  readonly people: readonly Member[];
  readonly watchers: readonly (GatewayWatcher | SyncWatcher)[];
  readonly watcherNames: readonly string[];
  readonly recorder: Recorder;
  readonly load: Load;
}

/** Ends with the test. */
export async function startSite(...durability: Parameters<typeof Site.start>): Promise<Site> {
  const site = await Site.start(...durability);
  onTestFinished(() => site[Symbol.asyncDispose]());
  return site;
}

/** Ends with the test. */
export async function startNodes(options: FleetOptions): Promise<FleetNode[]> {
  const nodes = await startFleet(options);
  onTestFinished(async () => {
    await Promise.all(nodes.map((node) => node.kill()));
  });
  return nodes;
}

/** Starts the load on nodes over a site. */
export async function startWorld(site: Site, nodes: readonly FleetNode[], seed: number): Promise<World> {
  const [first] = nodes;
  if (!first) throw new Error('no nodes');
  const recorder = new Recorder();
  const people: Member[] = [];
  for (const name of PEOPLE) people.push(await makeMember(first, name));
  const options = async (name: string, index: number) => ({
    watcher: await makeWatcher(first, name, people),
    people,
    nodes,
    recorder,
    random: seededRandom(seed + index),
    hops: true,
  });
  const watcherNames = [...WATCHERS.gateway, ...WATCHERS.sync];
  const wanted = [];
  for (const [index, name] of watcherNames.entries()) wanted.push(await options(name, index));
  const watchers = wanted.map((each, index) =>
    index < WATCHERS.gateway.length ? new GatewayWatcher(each) : new SyncWatcher(each),
  );
  onTestFinished(async () => {
    await Promise.all(watchers.map((watcher) => watcher.stop()));
  });
  const load = new Load(nodes, people, recorder, seed);
  onTestFinished(() => load.stop());
  return { site, nodes, people, watchers, watcherNames, recorder, load };
}

/** Three nodes under load while all this happens to them. Resolves with what clients did and saw, once all is calm. */
export async function play(world: World, faults: readonly Fault[]): Promise<History> {
  await inflict(faults, world.nodes, world.site);
  return conclude(world);
}

/** Ends the load; everybody writes for the last time, and everybody comes to know it. */
export async function conclude(world: World): Promise<History> {
  const { people, load } = world;
  await load.stop();
  for (const member of people) await load.writeLast(member);
  await until(() => hasConverged(world));
  return breakOff(world);
}

/** What clients did and saw until now. */
export async function breakOff({ site, people, watchers, recorder, load }: World): Promise<History> {
  await load.stop();
  await Promise.all(watchers.map((watcher) => watcher.stop()));
  const { writes, reads, told } = recorder;
  return { writes, reads, told, commits: await commitsAt(site.primary, people), staleMs: STALE_MS };
}

/** In the order of commits. */
export async function commitsAt(server: TestServer, people: readonly Member[]): Promise<Commit[]> {
  const names = new Map(people.map(({ id, name }) => [id, name]));
  const rows = await server.query('SELECT people, records FROM plexibridge.outbox ORDER BY seq');
  return rows.flatMap((row: { people: string[]; records: string[] }) =>
    row.people.flatMap((id, index) => {
      const person = names.get(id);
      if (person === undefined) return [];
      const { version, status } = decodeRecord(row.records[index] ?? '');
      return [{ person, version, text: status?.text ?? null }];
    }),
  );
}

/** Whether everybody sees what was committed last, by watching and by asking, at all nodes. */
async function hasConverged({ site, nodes, people, watcherNames, recorder }: World): Promise<boolean> {
  const commits = await commitsAt(site.primary, people);
  for (const member of people) {
    const last = commits.findLast(({ person }) => person === member.name)?.text ?? null;
    if (watcherNames.some((watcher) => recorder.lastTold(watcher, member.name) !== last)) return false;
    for (const node of nodes) {
      for (const network of ['plexichat', 'matrix'] as const) {
        const answer = await get(node, member, network);
        if (answer.status !== 200 || textOf(answer, network) !== last) return false;
      }
    }
  }
  return true;
}
