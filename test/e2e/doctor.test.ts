import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { runCommand } from '../helpers/command.ts';
import { FakeHomeserver } from '../helpers/homeserver.ts';
import { OPERATOR, runBridge } from '../helpers/process.ts';
import { freePort } from '../helpers/free-port.ts';
import { describePostgres } from '../stores/postgres/binaries.ts';
import { useServer } from '../stores/postgres/cluster.ts';

let folder: string;
let owned: (() => Promise<unknown>)[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plexibridge-doctor-'));
  owned = [() => rm(folder, { recursive: true, force: true })];
});

afterEach(async () => {
  for (const end of owned.reverse()) await end();
});

interface Diagnosis {
  readonly code: number;
  readonly checks: Record<string, { verdict: string; found: string; advice: string | null }>;
}

async function doctor(env: Record<string, string>, ...args: string[]): Promise<Diagnosis> {
  const { code, out, err } = await runCommand(['doctor', '--json', ...args], {
    cwd: folder,
    env: { PLEXIBRIDGE__LISTEN__PORT: '1', PLEXIBRIDGE__STORE__PATH: join(folder, 'data'), ...env },
  });
  expect(err).toBe('');
  const checks = JSON.parse(out).checks as ({ check: string } & Diagnosis['checks'][string])[];
  return { code, checks: Object.fromEntries(checks.map(({ check, ...finding }) => [check, finding])) };
}

const verdicts = ({ checks }: Diagnosis) =>
  Object.entries(checks).map(([check, { verdict }]) => `${check} ${verdict}`);

/** What listens where a bridge is expected. */
async function standIn(ready: number): Promise<string> {
  const server = createServer((request, response) => {
    const status = request.url === '/readyz' ? ready : request.url === '/livez' ? 200 : 401;
    response.writeHead(status).end('{"status":"ok"}');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  owned.push(() => {
    server.closeAllConnections();
    server.close();
    return once(server, 'close');
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('doctor, of the bridge alone', () => {
  it('is content with the defaults, and says what it did not see', async () => {
    const diagnosis = await doctor({});
    expect(diagnosis.code).toBe(0);
    expect(verdicts(diagnosis)).toEqual(['config ok', 'store ok', 'bridge skipped', 'clock skipped']);
    expect(diagnosis.checks['bridge']?.found).toBe('no bridge runs at http://127.0.0.1:1');
  });

  it('names settings that are wrong, and looks no further', async () => {
    const config = join(folder, 'bridge.yaml');
    await writeFile(config, 'listen:\n  prot: 1\n');
    const diagnosis = await doctor({}, '--config', config);
    expect([diagnosis.code, verdicts(diagnosis)]).toEqual([1, ['config fail']]);
    expect(diagnosis.checks['config']?.found).toMatch(/bridge\.yaml:2:3 listen\.prot: .*listen\.port/);
    const { code, out } = await runCommand(['doctor', '--config', config]);
    expect(code).toBe(1);
    expect(out).toMatch(/^fail {4}config: .*\n {8}→ Mend each of these/);
  });

  it('names a data folder that cannot be written', async () => {
    await writeFile(join(folder, 'file'), '');
    const diagnosis = await doctor({ PLEXIBRIDGE__STORE__PATH: join(folder, 'file') });
    expect(diagnosis.code).toBe(1);
    expect(diagnosis.checks['store']).toMatchObject({
      verdict: 'fail',
      found: expect.stringContaining('nothing can be written and synced'),
      advice: 'It is no folder: set store.path to one.',
    });
  });

  it('names a store of a running bridge that does not answer', async () => {
    const diagnosis = await doctor({}, '--url', await standIn(503));
    expect([diagnosis.code, diagnosis.checks['store']?.found]).toEqual([
      1,
      'the running bridge says that its store does not answer',
    ]);
  });

  it('names an operator token that the bridge does not take', async () => {
    const env = { PLEXIBRIDGE__OPERATOR__TOKEN: 'not-the-operator-token' };
    const diagnosis = await doctor(env, '--url', await standIn(200));
    expect(diagnosis.code).toBe(1);
    expect(verdicts(diagnosis)).toEqual(['config ok', 'store ok', 'bridge fail', 'clock skipped']);
    expect(diagnosis.checks['bridge']?.advice).toContain(
      'It must be the one that the bridge was started with',
    );
  });
});

describe('doctor, of a bridge beside a homeserver', () => {
  /** Everything as it should be; the settings of the bridge that runs. */
  async function setUp(): Promise<{ env: Record<string, string>; homeserver: FakeHomeserver }> {
    const settings = {
      PLEXIBRIDGE__MATRIX__SERVER_NAME: 'hs.test',
      PLEXIBRIDGE__MATRIX__HOMESERVER__REGISTRATION: join(folder, 'registration.yaml'),
      PLEXIBRIDGE__OPERATOR__TOKEN: OPERATOR,
    };
    await runCommand(['registration', 'generate', '--url', 'http://127.0.0.1:8790'], { env: settings });
    const file = parse(await readFile(settings.PLEXIBRIDGE__MATRIX__HOMESERVER__REGISTRATION, 'utf8'));
    const homeserver = new FakeHomeserver({
      asToken: file.as_token,
      hsToken: file.hs_token,
      senderLocalpart: file.sender_localpart,
    });
    const url = await homeserver.listen();
    owned.push(() => homeserver.stop());
    const env = { ...settings, PLEXIBRIDGE__MATRIX__HOMESERVER__URL: url };
    const bridge = await runBridge(join(folder, 'data'), env);
    owned.push(() => bridge.end('SIGTERM'));
    return { env: { ...env, PLEXIBRIDGE__LISTEN__PORT: new URL(bridge.url).port }, homeserver };
  }

  it('looks at everything, and finds nothing wrong', async () => {
    const { env } = await setUp();
    const diagnosis = await doctor(env);
    expect(verdicts(diagnosis)).toEqual([
      'config ok',
      'store ok',
      'bridge ok',
      'clock ok',
      'homeserver ok',
      'registration ok',
      'as-token ok',
      'ping ok',
      'delivery ok',
      'stand-in ok',
      'homeserver-limits ok',
    ]);
    expect(diagnosis.code).toBe(0);
    const missing = { ...env, PLEXIBRIDGE__MATRIX__HOMESERVER__REGISTRATION: join(folder, 'none.yaml') };
    expect((await doctor(missing)).checks['registration']).toMatchObject({
      verdict: 'fail',
      found: expect.stringContaining('none.yaml'),
    });
  });

  it('names a registration that was made anew since the bridge and the homeserver read it', async () => {
    const { env, homeserver } = await setUp();
    await runCommand(['registration', 'generate', '--url', 'http://127.0.0.1:8790', '--force'], { env });
    const anew = await doctor(env);
    expect([anew.code, verdicts(anew).filter((each) => each.endsWith('fail'))]).toEqual([
      1,
      ['as-token fail'],
    ]);
    expect(anew.checks['as-token']?.advice).toContain('restart the homeserver');

    const file = await readFile(join(folder, 'registration.yaml'), 'utf8');
    const half = file.replace(/as_token: .*/, `as_token: '${homeserver.asToken}'`);
    await writeFile(join(folder, 'registration.yaml'), half);
    const again = await doctor(env);
    expect(verdicts(again).filter((each) => each.endsWith('fail'))).toEqual(['ping fail']);
    expect(again.checks['ping']?.advice).toContain('restart the bridge');
  });
});

describePostgres('doctor, of a store over PostgreSQL', () => {
  const server = useServer({ fsync: 'on', max_prepared_transactions: '0' });
  const store = async (...shards: string[]) => {
    const env = { PLEXIBRIDGE__STORE__KIND: 'postgres', PLEXIBRIDGE__STORE__SHARDS: shards.join(',') };
    return (await doctor(env)).checks['store'];
  };

  it('is content with a server that takes writes and commits them', async () => {
    const place = `127.0.0.1:${server().port}/postgres`;
    const found = `${place}: takes writes, and commits them`;
    expect(await store(server().url())).toEqual({ verdict: 'ok', found, advice: null });
  });

  it('names a server that cannot be reached, without its password', async () => {
    const place = `127.0.0.1:${await freePort()}/plexibridge`;
    const finding = await store(`postgres://me:secret@${place}`);
    expect(finding).toEqual({
      verdict: 'fail',
      found: expect.stringMatching(`^${place}: .*ECONNREFUSED`),
      advice: 'See that it runs there, takes writes and lets the bridge in.',
    });
    expect(finding?.found).not.toContain('secret');
  });

  it('warns of a server that acknowledges what a crash may lose', async () => {
    const finding = await store(`${server().url()}?options=-csynchronous_commit%3Doff`);
    expect(finding).toMatchObject({
      verdict: 'warn',
      found: expect.stringContaining(
        'synchronous_commit is off; a crash may lose the last acknowledged changes',
      ),
    });
  });

  it('names what one of several servers lacks', async () => {
    expect(await store(server().url(), server().url('template1'))).toEqual({
      verdict: 'fail',
      found: expect.stringContaining('it keeps no prepared transactions, which several primaries need'),
      advice: 'Set its max_prepared_transactions to 20 and restart it.',
    });
  });
});
