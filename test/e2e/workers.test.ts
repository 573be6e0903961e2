import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { RunningBridge } from '../helpers/process.ts';
import { makePerson, OPERATOR, runBridge } from '../helpers/process.ts';
import { describePostgres } from '../stores/postgres/binaries.ts';
import { until, useServer } from '../stores/postgres/cluster.ts';

const WORKERS = 3;
const CONNECTIONS = 6;
const IDS = { plexichat: '175928847299117063', matrix: '@alice:localhost' };

describePostgres('serve --workers', () => {
  const server = useServer();
  const data = mkdtempSync(join(tmpdir(), 'plexibridge-workers-'));
  let bridge: RunningBridge;

  beforeAll(async () => {
    const url = server().url();
    const settings = {
      PLEXIBRIDGE__STORE__KIND: 'postgres',
      PLEXIBRIDGE__STORE__SHARDS: JSON.stringify([url]),
    };
    bridge = await runBridge(data, settings, ['--workers', String(WORKERS)]);
  });
  afterAll(async () => {
    await bridge.end('SIGKILL');
    rmSync(data, { recursive: true, force: true });
  });

  const workers = () => bridge.children();

  /** A gateway connection that has had its READY. */
  async function identified(token: string): Promise<WebSocket> {
    const socket = new WebSocket(`${bridge.url.replace('http', 'ws')}/gateway`);
    const ready = new Promise<void>((resolve, reject) => {
      socket.on('error', reject);
      socket.on('message', (data: Buffer) => {
        const { op, t } = JSON.parse(data.toString()) as { op: number; t?: string };
        if (op === 10) socket.send(JSON.stringify({ op: 2, d: { token, intents: 256 } }));
        if (t === 'READY') resolve();
      });
    });
    await ready;
    return socket;
  }

  it('are so many processes, which are one bridge behind one port', async () => {
    await until(() => workers().length === WORKERS);
    const tokens = await makePerson(bridge, IDS);
    const path = `/api/v1/users/${IDS.plexichat}/presence`;
    for (let i = 0; i < 20; i++) {
      const text = `text ${i}`;
      const body = { status: 'dnd', custom_status: text };
      expect((await bridge.call('PUT', '/api/v1/users/@me/presence', tokens.plexichat, body)).status).toBe(
        200,
      );
      await until(async () => (await bridge.call('GET', path, tokens.plexichat)).body.custom_status === text);
    }
  });

  it('answer for each other when metrics are asked for', async () => {
    const { plexichat } = await makePerson(bridge, {
      plexichat: '175928847299117064',
      matrix: '@bob:localhost',
    });
    const sockets = await Promise.all(Array.from({ length: CONNECTIONS }, () => identified(plexichat)));
    const headers = { authorization: `Bearer ${OPERATOR}` };
    // Whichever of them is asked.
    for (let i = 0; i < WORKERS; i++) {
      const reply = await fetch(`${bridge.url}/metrics`, { headers: { ...headers, connection: 'close' } });
      expect(await reply.text()).toMatch(
        new RegExp(`^plexibridge_gateway_identifies_total ${CONNECTIONS}$`, 'm'),
      );
    }
    for (const socket of sockets) socket.close();
  });

  it('are replaced when they die', async () => {
    const before = workers();
    process.kill(before[0]!, 'SIGKILL');
    await until(() => {
      const now = workers();
      return now.length === WORKERS && !now.includes(before[0]!);
    });
    expect(bridge.output.join('\n')).toContain('a worker has died and will be replaced');
    expect((await bridge.call('GET', '/readyz', '')).status).toBe(200);
  });

  it('end with the process that holds them', async () => {
    const pids = workers();
    expect(await bridge.end('SIGTERM')).toBe(0);
    for (const pid of pids) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });
});

it('serve --workers is refused over an embedded store', async () => {
  const data = mkdtempSync(join(tmpdir(), 'plexibridge-workers-'));
  await expect(runBridge(data, {}, ['--workers', '2'])).rejects.toThrow(
    /--workers needs store.kind: postgres/,
  );
  await expect(runBridge(data, {}, ['--workers', 'many'])).rejects.toThrow(/whole number/);
  rmSync(data, { recursive: true, force: true });
});
