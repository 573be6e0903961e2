import { EventEmitter, once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { expect, it, onTestFailed, onTestFinished } from 'vitest';
import { WebSocket } from 'ws';
import type { Answer, RunningBridge, TwoAccounts } from '../helpers/process.ts';
import { makePerson, runBridge } from '../helpers/process.ts';
import { seededRandom } from '../helpers/random.ts';

/** `CONVERGE_SEED` repeats the words of a run; what they meet depends on the machine. */
const SEED = Number(process.env['CONVERGE_SEED'] ?? Date.now() % 1_000_000);
const ENDS = ['SIGTERM', 'SIGKILL', 'SIGTERM'] as const;
const WRITES_BETWEEN = 100;
/** How many of the writes cut the writer's gateway connection. */
const CUT_SHARE = 0.1;
const WORDS = {
  plexichat: ['online', 'idle', 'dnd', 'invisible', 'offline'],
  matrix: ['online', 'unavailable', 'offline'],
};
type Network = keyof typeof WORDS;
const INDICES = [0, 1, 2, 3, 4, 5];
const idsOf = (i: number) => ({ plexichat: `17592884729911700${i}`, matrix: `@user${i}:localhost` });
/** What the last writes say, and what others are to see of it. */
const SEEN = { idle: 'idle', dnd: 'dnd', online: 'online', invisible: 'offline' };
const lastOf = (i: number) => Object.entries(SEEN)[i % 4]!;

/** Everybody else by id, as `mode text`. Who has not been told of is offline without a text. */
type View = Map<string, string>;

interface Member {
  readonly ids: TwoAccounts;
  readonly tokens: TwoAccounts;
  readonly views: TwoAccounts<View>;
  socket: WebSocket | null;
}

/** The bridge that runs or is to run next; null when there will be none. */
let current: Promise<RunningBridge | null> = Promise.resolve(null);
let writing = true;
let written = 0;
/** How gateway sessions began. */
const begun = { READY: 0, RESUMED: 0 };
/** Whenever a client has learnt something or a write is acknowledged. */
const news = new EventEmitter();

it(`all clients come to see the truth after restarts and kill -9, seed ${SEED}`, async () => {
  const data = await mkdtemp(join(tmpdir(), 'plexibridge-converge-'));
  onTestFinished(async () => {
    const bridge = await current.catch(() => null);
    current = Promise.resolve(null);
    await bridge?.end('SIGKILL');
    await rm(data, { recursive: true, force: true });
  });
  const first = await runBridge(data);
  current = Promise.resolve(first);
  const members = await Promise.all(INDICES.map((index) => makeMember(first, index)));
  onTestFailed(() => console.error(members.map(({ ids, views }) => ({ ids, views }))));

  const clients = members.flatMap((member) => [followGateway(member), followSync(member)]);
  const writers = members.flatMap((member, i) => [
    write(member, 'plexichat', seededRandom(SEED + 2 * i)),
    write(member, 'matrix', seededRandom(SEED + 2 * i + 1)),
  ]);
  // Whichever fails first fails the test.
  await Promise.all([...clients, ...writers, story(data, first, members, writers)]);
}, 60_000);

async function story(data: string, first: RunningBridge, members: Member[], writers: Promise<void>[]) {
  const env = { PLEXIBRIDGE__LISTEN__PORT: new URL(first.url).port };
  let bridge = first;
  const restart = async (signal: 'SIGTERM' | 'SIGKILL') => {
    const ended = bridge.end(signal);
    const restarted = ended.then(() => runBridge(data, env));
    current = restarted;
    expect(await ended).toBe(signal === 'SIGTERM' ? 0 : null);
    bridge = await restarted;
  };
  for (const [round, signal] of ENDS.entries()) {
    await until(() => written >= WRITES_BETWEEN * (round + 1));
    await restart(signal);
  }
  await until(() => written >= WRITES_BETWEEN * (ENDS.length + 1));
  writing = false;
  await Promise.all(writers);

  for (const [i, member] of members.entries()) {
    expect((await put(bridge, member, 'plexichat', lastOf(i)[0], `last ${i}`)).status).toBe(200);
  }
  await restart('SIGKILL');
  const truths = await Promise.all(members.map((member) => readTruth(bridge, member, members)));
  const views = members.map((member) => member.views);
  await until(() => isDeepStrictEqual(views, truths));

  // What a clean end still tells must not undo it.
  current = Promise.resolve(null);
  expect(await bridge.end('SIGTERM')).toBe(0);
  expect(views).toEqual(truths);
  // A session outlives the bridge that it began at.
  expect(begun.READY).toBe(members.length);
  expect(begun.RESUMED).toBeGreaterThanOrEqual(members.length * (1 + ENDS.length));
}

/** A person with both accounts who lists everybody else. */
async function makeMember(bridge: RunningBridge, index: number): Promise<Member> {
  const ids = idsOf(index);
  const tokens = await makePerson(bridge, ids);
  const others = INDICES.filter((i) => i !== index).map(idsOf);
  const list = `/_matrix/client/api/v1/presence/list/${ids.matrix}`;
  const body = { invite: others.map(({ matrix }) => matrix) };
  expect((await bridge.call('POST', list, tokens.matrix, body)).status).toBe(200);
  const view = (network: Network): View => new Map(others.map((other) => [other[network], 'offline ']));
  return { ids, tokens, views: { plexichat: view('plexichat'), matrix: view('matrix') }, socket: null };
}

/** Syncs for as long as there is a bridge, from where the last answer ended. */
async function followSync({ tokens, views: { matrix: view } }: Member): Promise<void> {
  let since = '';
  for (let bridge = await current; bridge; bridge = await current) {
    const path = `/_matrix/client/v3/sync?timeout=30000${since}`;
    const body = await unlessEnding(bridge.call('GET', path, tokens.matrix));
    if (body === null) continue;
    since = `&since=${body.next_batch}`;
    for (const { sender, content } of body.presence?.events ?? []) see(view, sender, seenMatrix(content));
  }
}

/** Stays connected for as long as there is a bridge; resumes, or else identifies. */
async function followGateway(member: Member): Promise<void> {
  const { views } = member;
  const token = member.tokens.plexichat;
  let session: { session_id: string; seq: number } | null = null;
  for (let bridge = await current; bridge; bridge = await current) {
    const socket = new WebSocket(`${bridge.url.replace('http', 'ws')}/gateway`);
    member.socket = socket;
    await new Promise((resolve, reject) => {
      socket.on('message', (message: Buffer) => {
        const { op, t, s, d } = JSON.parse(String(message));
        if (op === 9) session = null;
        const begin = session ? { op: 6, d: { token, ...session } } : { op: 2, d: { token, intents: 256 } };
        if (op === 9 || op === 10) socket.send(JSON.stringify(begin));
        if (t === 'READY') session = { session_id: d.session_id, seq: s };
        if (t === 'READY' || t === 'RESUMED') begun[t as keyof typeof begun]++;
        if (t !== 'PRESENCE_UPDATE' || !session) return;
        if (s !== session.seq + 1) reject(new Error(`event ${s} came after ${session.seq}`));
        session.seq = s;
        see(views.plexichat, d.user_id, seenPlexichat(d));
      });
      socket.on('error', () => undefined); // A close follows.
      socket.on('close', resolve);
    });
  }
}

/** Says one thing after another until it is time to stop, now and then losing the gateway connection. */
async function write(member: Member, network: Network, random: () => number): Promise<void> {
  const pick = (words: readonly string[]) => words[Math.floor(random() * words.length)]!;
  for (let bridge = await current; bridge && writing; bridge = await current) {
    const [mode, text] = [pick(WORDS[network]), `${network} ${Math.floor(random() * 1e6)}`];
    if ((await unlessEnding(put(bridge, member, network, mode, text))) === null) continue;
    if (random() < CUT_SHARE) member.socket?.terminate();
    written++;
    news.emit('news');
  }
}

/** The body of a 200, or null when the bridge went away. */
async function unlessEnding(call: Promise<Answer>): Promise<any> {
  const answer = await call.catch(() => null);
  if (answer === null || answer.status === 503) return null;
  expect(answer.status).toBe(200);
  return answer.body;
}

/** What the bridge answers when she asks for everybody else. */
async function readTruth(bridge: RunningBridge, { ids, tokens }: Member, members: readonly Member[]) {
  const truth = { plexichat: new Map<string, string>(), matrix: new Map<string, string>() };
  for (const [i, { ids: them }] of members.entries()) {
    if (them === ids) continue;
    const left = await bridge.call('GET', `/api/v1/users/${them.plexichat}/presence`, tokens.plexichat);
    const right = await bridge.call('GET', statusPath(them.matrix), tokens.matrix);
    expect(left.body.status).toBe(lastOf(i)[1]);
    truth.plexichat.set(them.plexichat, seenPlexichat(left.body));
    truth.matrix.set(them.matrix, seenMatrix(right.body));
  }
  return truth;
}

function put(bridge: RunningBridge, { ids, tokens }: Member, network: Network, mode: string, text: string) {
  return network === 'plexichat'
    ? bridge.call('PUT', OWN_PATH, tokens.plexichat, { status: mode, custom_status: text })
    : bridge.call('PUT', statusPath(ids.matrix), tokens.matrix, { presence: mode, status_msg: text });
}

const seenPlexichat = (body: any): string => `${body.status} ${body.custom_status ?? ''}`;
const seenMatrix = (body: any): string => `${body.presence} ${body.status_msg ?? ''}`;
const OWN_PATH = '/api/v1/users/@me/presence';
const statusPath = (id: string): string => `/_matrix/client/v3/presence/${id}/status`;

function see(view: View, id: string, seen: string): void {
  if (view.has(id)) view.set(id, seen); // Else it is she herself.
  news.emit('news');
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await once(news, 'news');
}
