import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock } from '../../src/presence/clock.ts';
import type { PlexichatServer } from '../helpers/plexichat-server/server.ts';
import { startPlexichatServer } from '../helpers/plexichat-server/server.ts';
import type { RunningBridge } from '../helpers/process.ts';
import { OPERATOR, runBridge } from '../helpers/process.ts';
import { describePostgres } from '../stores/postgres/binaries.ts';
import { until, useServer } from '../stores/postgres/cluster.ts';

describePostgres('two nodes beside a real server', () => {
  const postgres = useServer();
  const data = mkdtempSync(join(tmpdir(), 'plexibridge-duty-'));
  let server: PlexichatServer;
  let nodes: RunningBridge[];
  let ours: { id: string; token: string };
  let dan: { id: string; token: string };

  beforeAll(async () => {
    server = await startPlexichatServer({ clock: systemClock, bypassSecret: 'let-us-in' });
    ours = server.addUser({ username: 'the_bridge' });
    dan = server.addUser({ username: 'dan' });
    server.addGuild([ours.id, dan.id]);
    server.userConnects(dan.id);
    const settings = {
      PLEXIBRIDGE__STORE__KIND: 'postgres',
      PLEXIBRIDGE__STORE__SHARDS: JSON.stringify([postgres().url()]),
      PLEXIBRIDGE__PLEXICHAT__SERVER__URL: server.url,
      PLEXIBRIDGE__PLEXICHAT__SERVER__TOKEN: ours.token,
      PLEXIBRIDGE__PLEXICHAT__SERVER__RATE_LIMIT_BYPASS: 'let-us-in',
    };
    nodes = [await runBridge(data, settings), await runBridge(data, settings)];
  });
  afterAll(async () => {
    for (const node of nodes) await node.end('SIGKILL');
    await server[Symbol.asyncDispose]();
    rmSync(data, { recursive: true, force: true });
  });

  const state = async (node: RunningBridge): Promise<string> =>
    (await node.call('GET', '/bridge/v1/servers', OPERATOR)).body.servers[0].state;
  const states = () => Promise.all(nodes.map(state));
  const shown = async (node: RunningBridge): Promise<string | undefined> => {
    const { body: people } = await node.call('GET', `/bridge/v1/people/${dan.id}`, OPERATOR);
    if (people?.id === undefined) return undefined;
    const { body: token } = await node.call('POST', `/bridge/v1/people/${dan.id}/tokens`, OPERATOR, {
      network: 'plexichat',
    });
    const path = `/api/v1/users/${dan.id}/presence`;
    return (await node.call('GET', path, token.token)).body.status as string;
  };
  /** Connections by which the bridge is signed in there. */
  const signedIn = () => server.identifies.filter(({ userId }) => userId === ours.id).length;

  it('one follows it, and both know what it says', async () => {
    await until(async () => (await states()).includes('up'));
    expect((await states()).toSorted()).toEqual(['elsewhere', 'up']);
    for (const node of nodes) await until(async () => (await shown(node)) === 'online');
    expect(signedIn()).toBe(1);
  });

  it('the other goes on when that one dies', async () => {
    const [first] = await states();
    const [dying] = nodes.splice(first === 'up' ? 0 : 1, 1);
    await dying!.end('SIGKILL');
    await until(async () => (await states())[0] === 'up');
    server.userWrites(dan.id, { status: 'dnd' });
    await until(async () => (await shown(nodes[0]!)) === 'dnd');
    expect(signedIn()).toBe(2);
  });
});
