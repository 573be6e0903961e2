import { expect, it, onTestFinished } from 'vitest';
import { describePostgres } from '../stores/postgres/binaries.ts';
import { until, useServer } from '../stores/postgres/cluster.ts';
import type { FleetNode } from './fleet.ts';
import { GatewayWatcher } from './gateway-watcher.ts';
import type { Member } from './people.ts';
import { makeMember, makeWatcher, put } from './people.ts';
import { Recorder } from './recorder.ts';
import { startNodes } from './run.ts';
import { SyncWatcher } from './sync-watcher.ts';

/** How long a poll of who goes may take, and how long she counts as there beyond it, ms. */
const POLL_MS = 1_000;
const GRACE_MS = 1_000;
/** What else it may take on a slow machine, ms. */
const SLACK_MS = 5_000;

describePostgres('a node that dies', () => {
  const server = useServer();

  it('takes with it who was there by it alone, after the grace; everybody elsewhere is told once', async () => {
    const store = await server().newDatabase();
    const settings = { PLEXIBRIDGE__PRESENCE__GRACE: `${GRACE_MS}ms` };
    const [a, b, c] = (await startNodes({ store, settings })) as [FleetNode, FleetNode, FleetNode];
    const [goer, stayer] = [await makeMember(a, 'goer'), await makeMember(a, 'stayer')];
    const recorder = new Recorder();
    const watchers = [
      ...(await watch(b, [goer, stayer], recorder)),
      ...(await watch(c, [goer, stayer], recorder)),
    ];
    /** What they are told after their beginning. */
    const news = (watcher: string, { name }: Member) =>
      recorder.faces.filter((face) => face.watcher === watcher && face.person === name && !face.fresh);
    const allSee = (person: Member, mode: string) =>
      until(() => watchers.every((watcher) => news(watcher, person).at(-1)?.mode === mode));
    const tellAll = async (text: string) => {
      expect((await put(b, stayer, 'matrix', text)).status).toBe(200);
      await until(() => watchers.every((watcher) => recorder.lastTold(watcher, stayer.name) === text));
    };

    await tellAll('begun');
    const polling = pollUntilDeath(a, goer);
    await allSee(goer, 'online');
    await a.kill();
    const killed = Date.now();
    await polling;
    const changes = await changesOf(goer);
    await allSee(goer, 'offline');
    expect(Date.now() - killed).toBeLessThan(POLL_MS + GRACE_MS + SLACK_MS);
    // Whatever would be told twice has been told once everybody knows of something later.
    await tellAll('later');
    const told = watchers.map((watcher) => [watcher, ...news(watcher, goer).map(({ mode }) => mode)]);
    expect(told).toEqual(watchers.map((watcher) => [watcher, 'online', 'offline']));
    // Time alone has done it: nobody wrote it down.
    expect(await changesOf(goer)).toBe(changes);

    async function changesOf({ id }: Member): Promise<number> {
      const text = `SELECT count(*)::int AS changes FROM plexibridge.outbox WHERE '${id}' = ANY(people)`;
      const [{ changes }] = await server().query(text, new URL(store).pathname.slice(1));
      return changes as number;
    }
  });
});

/** One who watches by each surface; their names. */
async function watch(node: FleetNode, people: readonly Member[], recorder: Recorder): Promise<string[]> {
  const names = [`gateway-at-${node.name}`, `sync-at-${node.name}`];
  for (const [index, name] of names.entries()) {
    const watcher = await makeWatcher(node, name, people);
    const options = { watcher, people, nodes: [node], recorder, random: () => 0, hops: false };
    const client = index === 0 ? new GatewayWatcher(options) : new SyncWatcher(options);
    onTestFinished(() => client.stop());
  }
  return names;
}

async function pollUntilDeath(node: FleetNode, { tokens }: Member): Promise<void> {
  let since = '';
  for (;;) {
    const path = `/_matrix/client/v3/sync?timeout=${POLL_MS}${since}`;
    const answer = await node.call('GET', path, tokens.matrix).catch(() => null);
    if (!answer) return;
    since = `&since=${answer.body.next_batch}`;
  }
}
