import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { RunningBridge, TwoAccounts } from '../helpers/process.ts';
import { makePerson, OPERATOR, runBridge } from '../helpers/process.ts';
import { seededRandom } from '../helpers/random.ts';
import type { Follower, View } from './follower.ts';
import { GatewayFollower, seenMatrix, seenPlexichat, SyncFollower } from './follower.ts';
import type { Sample } from './sample.ts';
import { growing, take } from './sample.ts';

export interface SoakOptions {
  /** How long, ms. */
  readonly ms: number;
  readonly people: number;
  readonly seed: number;
  readonly tell?: (line: string) => void;
  /** What runs; for a build that is broken on purpose. */
  readonly main?: string;
}

export interface SoakReport {
  readonly samples: readonly Sample[];
  readonly writes: number;
  readonly drops: number;
  readonly resumed: number;
  /** Whatever went wrong. */
  readonly faults: readonly string[];
}

interface Member {
  readonly ids: TwoAccounts;
  readonly tokens: TwoAccounts;
  readonly followed: readonly TwoAccounts[];
  readonly followers: { readonly plexichat: GatewayFollower; readonly matrix: SyncFollower };
}

const SAMPLES = 30;
const FOLLOWED = 5;
/** Between two doings of one actor, ms at most. */
const PACE = 100;
/** For everybody to be told of the last changes, ms. */
const SETTLING = 30_000;
/** What is kept for clients that have gone is let go soon, so that a plateau is reached soon; the heap is one in which a leak shows. */
const ENV = {
  NODE_OPTIONS: '--max-old-space-size=160',
  PLEXIBRIDGE__PLEXICHAT__GATEWAY__RESUME_WINDOW: '2s',
  PLEXIBRIDGE__PLEXICHAT__GATEWAY__REPLAY_LIMIT: '200',
  PLEXIBRIDGE__MATRIX__SYNC__STREAM_TTL: '5s',
  PLEXIBRIDGE__PRESENCE__GRACE: '2s',
};
const WORDS = {
  plexichat: ['online', 'idle', 'dnd', 'invisible', 'offline'],
  matrix: ['online', 'unavailable', 'offline'],
} as const;
const OWN = '/api/v1/users/@me/presence';
const statusOf = (id: string) => `/_matrix/client/v3/presence/${id}/status`;

/** Clients of all kinds connect, write, drop and resume for so long; then everybody must see what the records say. */
export async function soak(options: SoakOptions): Promise<SoakReport> {
  const data = await mkdtemp(join(tmpdir(), 'plexibridge-soak-'));
  const bridge = await runBridge(data, ENV, [], options.main);
  try {
    return await soakAt(bridge, data, options);
  } finally {
    await bridge.end('SIGKILL');
    await rm(data, { recursive: true, force: true });
  }
}

async function soakAt(bridge: RunningBridge, data: string, options: SoakOptions): Promise<SoakReport> {
  const { ms, people, seed, tell = () => undefined } = options;
  const faults: string[] = [];
  const members = await gather(bridge, people);
  const end = Date.now() + ms;
  const count = { writes: 0, drops: 0 };
  const actors = members.flatMap((member, i) => [
    act(end, seededRandom(seed + 3 * i), async (random) => {
      await write(bridge, member, random, faults);
      count.writes++;
    }),
    act(end, seededRandom(seed + 3 * i + 1), (random) => {
      const network = random() < 0.5 ? 'plexichat' : 'matrix';
      if (random() > 0.2) return Promise.resolve();
      member.followers[network].drop(random() < 0.3);
      count.drops++;
      return Promise.resolve();
    }),
    act(end, seededRandom(seed + 3 * i + 2), (random) => change(bridge, member, random, faults)),
  ]);
  const samples: Sample[] = [];
  while (samples.length < SAMPLES) {
    await wait(Math.max(0, end - Date.now()) / (SAMPLES - samples.length));
    const sample = await take(bridge, data);
    samples.push(sample);
    tell(describe(sample, count));
  }
  await Promise.all(actors);
  faults.push(...growing(samples), ...(await differences(bridge, members)));
  const resumed = members.reduce((sum, { followers }) => sum + followers.plexichat.begun.RESUMED, 0);

  const followers = members.flatMap<Follower>(({ followers }) => [followers.plexichat, followers.matrix]);
  await Promise.all(followers.map((follower) => follower.stop()));
  // Each had a socket to the gateway and one to sync.
  const most = (samples.at(-1)?.handles ?? 0) - 1.5 * people;
  const left = await until(async () => (await take(bridge, data)).handles <= most);
  if (!left) faults.push('whoever left is still held');
  if (bridge.output.some((line) => /"level":(5|6)0/.test(line))) faults.push(...bridge.output.slice(-5));
  if ((await bridge.end('SIGTERM')) !== 0) faults.push('it did not end in good order');
  return { samples, ...count, resumed, faults };
}

/** Does something again and again until the time is over, each time after a moment. */
async function act(end: number, random: () => number, deed: (random: () => number) => Promise<void>) {
  while (Date.now() < end) {
    await deed(random);
    await wait(random() * 2 * PACE);
  }
}

async function gather(bridge: RunningBridge, people: number): Promise<Member[]> {
  const indices = Array.from({ length: people }, (_, i) => i);
  const idsOf = (i: number) => {
    const plexichat = String(175_928_847_299_117_000n + BigInt(i % people));
    return { plexichat, matrix: `@user${i % people}:localhost` };
  };
  const tokens = await Promise.all(indices.map((i) => makePerson(bridge, idsOf(i))));
  return Promise.all(
    indices.map(async (i) => {
      const ids = idsOf(i);
      const mine = tokens[i]!;
      const followed = Array.from({ length: Math.min(FOLLOWED, people - 1) }, (_, j) => idsOf(i + j + 1));
      const invite = followed.map(({ matrix }) => matrix);
      const list = `/_matrix/client/api/v1/presence/list/${ids.matrix}`;
      await bridge.call('POST', list, mine.matrix, { invite });
      const common = { bridge, tokens: mine };
      const plexichat = new GatewayFollower({ ...common, ids: followed.map(({ plexichat }) => plexichat) });
      const matrix = new SyncFollower({ ...common, ids: invite });
      return { ids, tokens: mine, followed, followers: { plexichat, matrix } };
    }),
  );
}

async function write(bridge: RunningBridge, { ids, tokens }: Member, random: () => number, faults: string[]) {
  const network = random() < 0.5 ? 'plexichat' : 'matrix';
  const mode = WORDS[network][Math.floor(random() * WORDS[network].length)];
  const text = `says ${Math.floor(random() * 1e9)}`;
  const answer =
    network === 'plexichat'
      ? await bridge.call('PUT', OWN, tokens.plexichat, { status: mode, custom_status: text })
      : await bridge.call('PUT', statusOf(ids.matrix), tokens.matrix, { presence: mode, status_msg: text });
  if (answer.status !== 200) faults.push(`a write was answered ${answer.status}`);
}

/** What comes and goes besides: tokens, blocks and connections that nobody keeps. */
async function change(
  bridge: RunningBridge,
  { ids, followed }: Member,
  random: () => number,
  faults: string[],
) {
  const person = `/bridge/v1/people/${ids.plexichat}`;
  const other = followed[0]?.plexichat;
  const statuses: number[] = [];
  if (random() < 0.5) {
    const { body, status } = await bridge.call('POST', `${person}/tokens`, OPERATOR, { network: 'matrix' });
    const headers = { authorization: `Bearer ${body.token}`, connection: 'close' };
    const url = `${bridge.url}/_matrix/client/v3/logout`;
    statuses.push(status, (await fetch(url, { method: 'POST', headers })).status);
  } else if (random() < 0.2) {
    for (const method of ['PUT', 'DELETE'] as const) {
      statuses.push((await bridge.call(method, `${person}/blocks/${other}`, OPERATOR)).status);
    }
  }
  if (statuses.some((status) => status >= 400))
    faults.push(`a change was answered ${statuses.join(' and ')}`);
}

/** Where somebody does not see what the records say, once there has been time to be told. */
async function differences(bridge: RunningBridge, members: readonly Member[]): Promise<string[]> {
  const faults: string[] = [];
  for (const { ids, tokens, followed, followers } of members) {
    const truth = async () => {
      const views: { plexichat: View; matrix: View } = { plexichat: new Map(), matrix: new Map() };
      for (const them of followed) {
        const left = await bridge.call('GET', `/api/v1/users/${them.plexichat}/presence`, tokens.plexichat);
        const right = await bridge.call('GET', statusOf(them.matrix), tokens.matrix);
        views.plexichat.set(them.plexichat, seenPlexichat(left.body));
        views.matrix.set(them.matrix, seenMatrix(right.body));
      }
      return views;
    };
    for (const network of ['plexichat', 'matrix'] as const) {
      const { view } = followers[network];
      if (await until(async () => isDeepStrictEqual(view, (await truth())[network]))) continue;
      const [seen, real] = [JSON.stringify([...view]), JSON.stringify([...(await truth())[network]])];
      faults.push(`${ids.matrix} sees ${seen} on ${network} where there is ${real}`);
    }
  }
  return faults;
}

async function until(holds: () => Promise<boolean>): Promise<boolean> {
  const end = Date.now() + SETTLING;
  while (Date.now() < end) {
    if (await holds()) return true;
    await wait(PACE);
  }
  return false;
}

function describe(
  { heap, memory, handles, files }: Sample,
  { writes, drops }: { writes: number; drops: number },
) {
  const mb = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MB`;
  return `heap ${mb(heap)}, memory ${mb(memory)}, ${handles} handles, files ${mb(files)}, ${writes} writes, ${drops} drops`;
}
