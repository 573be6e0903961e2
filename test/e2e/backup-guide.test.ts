import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { RunningBridge, TwoAccounts } from '../helpers/process.ts';
import { makePerson, runBridge } from '../helpers/process.ts';
import { describePostgres } from '../stores/postgres/binaries.ts';
import { useServer } from '../stores/postgres/cluster.ts';
import { readmeBlocks } from './readme-text.ts';

const IDS: TwoAccounts = { plexichat: '175928847299117063', matrix: '@cleo:localhost' };
const textWith = (command: string) =>
  readmeBlocks().find(({ text }) => text.includes(command))?.text ?? 'false';

describePostgres('the guide to backups over PostgreSQL', () => {
  const server = useServer();
  let database: string;
  let folder: string;
  let node: RunningBridge | null = null;

  beforeEach(async () => {
    database = await server().newDatabase();
    folder = mkdtempSync(join(tmpdir(), 'plexibridge-guide-'));
  });
  afterEach(async () => {
    await node?.end('SIGKILL');
    node = null;
    rmSync(folder, { recursive: true });
  });

  async function start(): Promise<RunningBridge> {
    node = await runBridge('unused', {
      PLEXIBRIDGE__STORE__PATH: undefined,
      PLEXIBRIDGE__STORE__KIND: 'postgres',
      PLEXIBRIDGE__STORE__SHARDS: database,
    });
    return node;
  }

  const run = (script: string) =>
    promisify(execFile)('bash', ['-eu', '-c', script], {
      cwd: folder,
      env: { PATH: process.env['PATH'], DATABASE: database },
    });

  async function shown(bridge: RunningBridge, token: string) {
    return (await bridge.call('GET', '/api/v1/users/@me/presence', token)).body;
  }

  it('brings back what was there when the dump was made, and nothing of later', async () => {
    let bridge = await start();
    const tokens = await makePerson(bridge, IDS);
    const put = (body: object) => bridge.call('PUT', '/api/v1/users/@me/presence', tokens.plexichat, body);
    await put({ status: 'dnd', custom_status: 'before' });
    await run(textWith('pg_dump'));
    expect(existsSync(join(folder, 'before.dump'))).toBe(true);

    await put({ status: 'idle', custom_status: 'after' });
    const late = await makePerson(bridge, { plexichat: '175928847299117064', matrix: '@late:localhost' });
    expect(await bridge.end('SIGTERM')).toBe(0);
    await run(textWith('pg_restore'));

    bridge = await start();
    expect(await shown(bridge, tokens.plexichat)).toMatchObject({ status: 'dnd', custom_status: 'before' });
    expect((await bridge.call('GET', '/api/v1/users/@me/presence', late.plexichat)).status).toBe(401);
    expect((await put({ status: 'online', custom_status: 'again' })).status).toBe(200);
    expect(await shown(bridge, tokens.plexichat)).toMatchObject({ custom_status: 'again' });
  });
});
