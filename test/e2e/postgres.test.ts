import { afterEach, beforeEach, expect, it } from 'vitest';
import type { RunningBridge, TwoAccounts } from '../helpers/process.ts';
import { makePerson, OPERATOR, runBridge } from '../helpers/process.ts';
import { describePostgres } from '../stores/postgres/binaries.ts';
import { until, useServer } from '../stores/postgres/cluster.ts';
import { lostBy, makeTarget, settle, shownAt, writeAndKill } from './acknowledged.ts';

/** `POSTGRES_KILL_ROUNDS=100 npm test` for a long run. */
const ROUNDS = Number(process.env['POSTGRES_KILL_ROUNDS'] ?? 4);
const PEOPLE = 8;
const ACKS_BEFORE_KILL = 200;

describePostgres('nodes over one PostgreSQL', () => {
  // Slow commits leave much to lose for a node that does not wait for them.
  const server = useServer({ fsync: 'on', commit_delay: '20000', commit_siblings: '0' });
  let database: string;
  let running: RunningBridge[];

  beforeEach(async () => {
    database = await server().newDatabase();
    running = [];
  });
  afterEach(() => Promise.all(running.map((bridge) => bridge.end('SIGKILL'))));

  async function startNode(): Promise<RunningBridge> {
    const node = await runBridge('unused', {
      PLEXIBRIDGE__STORE__PATH: undefined,
      PLEXIBRIDGE__STORE__KIND: 'postgres',
      PLEXIBRIDGE__STORE__SHARDS: database,
    });
    running.push(node);
    return node;
  }

  const IDS: TwoAccounts = { plexichat: '175928847299117063', matrix: '@cleo:localhost' };

  it('know each other’s people, tokens and presence', async () => {
    const [a, b] = await Promise.all([startNode(), startNode()]);
    const tokens = await makePerson(a, IDS);
    const list = await b.call('GET', '/bridge/v1/people', OPERATOR);
    expect(list.body.people).toMatchObject([{ plexichat_id: IDS.plexichat, matrix_id: IDS.matrix }]);

    const said = { status: 'dnd', custom_status: 'here' };
    expect((await a.call('PUT', '/api/v1/users/@me/presence', tokens.plexichat, said)).status).toBe(200);
    const target = { ids: IDS, tokens, writes: new Map() };
    await until(async () => (await shownAt(b, target)) === 'here');

    const path = `/_matrix/client/v3/presence/${IDS.matrix}/status`;
    const answer = { presence: 'online', status_msg: 'there' };
    expect((await b.call('PUT', path, tokens.matrix, answer)).status).toBe(200);
    await until(async () => (await shownAt(a, target)) === 'there');
  });

  it('keep the rest of the bridge going when one is stopped, and find it again', async () => {
    const [a, b] = [await startNode(), await startNode()];
    const tokens = await makePerson(a, IDS);
    expect(await a.end('SIGTERM')).toBe(0);
    const said = { status: 'idle', custom_status: 'left' };
    expect((await b.call('PUT', '/api/v1/users/@me/presence', tokens.plexichat, said)).status).toBe(200);
    const again = await startNode();
    expect(await shownAt(again, { ids: IDS, tokens, writes: new Map() })).toBe('left');
  });

  it(
    `lose no acknowledged write by kill -9 of one: ${ROUNDS} rounds`,
    async () => {
      let [a, b] = [await startNode(), await startNode()];
      const targets = await Promise.all(Array.from({ length: PEOPLE }, (_, i) => makeTarget(a, i)));
      for (let round = 0; round < ROUNDS; round++) {
        // Each at one node alone, where no write of the other hides what the one that dies may lose.
        const writing = targets.map((target, index) => [index % 2 === 0 ? a : b, target] as const);
        await writeAndKill(a, writing, ACKS_BEFORE_KILL);
        await until(async () => (await nodesAtTheServer()) === 1); // what the dead one sent last is decided
        a = await startNode();
        for (const target of targets) {
          // A node may show for a moment what was so shortly before.
          await until(async () => lostBy(await shownAt(b, target), target).length === 0);
          const kept = await shownAt(a, target);
          expect(lostBy(kept, target), `kept ${kept}`).toEqual([]);
          settle(kept, target);
        }
        [a, b] = [b, a];
      }
    },
    60_000 + ROUNDS * 20_000,
  );

  async function nodesAtTheServer(): Promise<number> {
    const [{ nodes }] = await server().query(
      `SELECT count(DISTINCT application_name)::int AS nodes FROM pg_stat_activity
       WHERE application_name LIKE 'plexibridge %'`,
    );
    return nodes as number;
  }
});
