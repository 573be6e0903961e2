import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Outcome } from '../helpers/command.ts';
import { runCommand } from '../helpers/command.ts';
import type { RunningBridge } from '../helpers/process.ts';
import { OPERATOR, runBridge } from '../helpers/process.ts';

let folder: string;
let data: string;
let running: RunningBridge[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plexibridge-cli-'));
  data = join(folder, 'data');
  running = [];
});

afterEach(async () => {
  await Promise.all(running.map((bridge) => bridge.end('SIGKILL')));
  await rm(folder, { recursive: true, force: true });
});

async function start(env: Record<string, string | undefined> = {}): Promise<RunningBridge> {
  const bridge = await runBridge(data, env);
  running.push(bridge);
  return bridge;
}

async function stop(bridge: RunningBridge): Promise<number | null> {
  running.splice(running.indexOf(bridge), 1);
  return bridge.end('SIGTERM');
}

/** As `npm start` finds it: neither operator token nor word about samples. */
const UNPREPARED = { PLEXIBRIDGE__SAMPLES: undefined, PLEXIBRIDGE__OPERATOR__TOKEN: undefined };

/** Runs one command to its end. */
function command(args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  return runCommand(args, { env: { PLEXIBRIDGE__STORE__PATH: data, ...env } });
}

const textOf = (bridge: RunningBridge) => bridge.output.join('\n');

describe('serve', () => {
  it('makes samples and an operator token in an empty folder, and prints them once', async () => {
    const first = await start(UNPREPARED);
    expect(textOf(first).match(/^ {2}curl /gm)).toHaveLength(8);
    const operator = /pxo_[\w-]{43}/.exec(textOf(first))?.[0] ?? '';
    const tokens = new Set(textOf(first).match(/\d+\.[\w-]{43}|pxb_[\w-]{43}/g));
    expect(tokens.size).toBe(4);
    const { body } = await first.call('GET', '/bridge/v1/people', operator);
    expect(body.people.map((person: any) => [person.display_name, person.linked]).sort()).toEqual([
      ['Alice', true],
      ['Bob', true],
    ]);
    expect(await stop(first)).toBe(0);

    const second = await start(UNPREPARED);
    expect((await second.call('GET', '/bridge/v1/people', operator)).status).toBe(200);
    expect(await stop(second)).toBe(0);
    expect(textOf(second)).not.toMatch(/pxo_|pxb_|curl/);
  });

  it('refuses a folder that is in use, and leaves its owner alone', async () => {
    const owner = await start();
    const { code, err } = await command(['serve'], { PLEXIBRIDGE__LISTEN__PORT: '0' });
    expect([code, err]).toEqual([1, expect.stringContaining('in use by another plexibridge')]);
    expect((await owner.call('GET', '/readyz', '')).status).toBe(200);
  });

  it('stops with every problem of its settings listed, and touches nothing', async () => {
    const file = join(folder, 'bridge.yaml');
    await writeFile(file, 'listen:\n  prot: 1\nlog:\n  level: loud\n');
    const { code, out, err } = await command(['serve', '--config', file], {
      PLEXIBRIDGE__SAMPELS: 'false',
      PLEXIBRIDGE__LIMITS__WRITES__BURST: 'many',
    });
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/bridge\.yaml:2:3 listen\.prot: .*listen\.port/);
    expect(err).toMatch(/bridge\.yaml:4:3 log\.level: /);
    expect(err).toMatch(/PLEXIBRIDGE__SAMPELS.*PLEXIBRIDGE__SAMPLES/);
    expect(err).toMatch(/PLEXIBRIDGE__LIMITS__WRITES__BURST limits\.writes\.burst: /);
    await expect(rm(data, { recursive: true })).rejects.toThrow('ENOENT');
  });

  it('fails when the port is taken, and lets the folder go', async () => {
    const { port } = new URL((await start()).url);
    const other = await command(['serve'], {
      PLEXIBRIDGE__STORE__PATH: join(folder, 'other'),
      PLEXIBRIDGE__LISTEN__PORT: port,
    });
    expect([other.code, other.err]).toEqual([1, expect.stringContaining('EADDRINUSE')]);
  });
});

describe('backup and restore', () => {
  it.each(['backup', 'restore'])('%s leaves PostgreSQL to its own tools', async (name) => {
    const { code, out, err } = await command([name, join(folder, 'copy')], {
      PLEXIBRIDGE__STORE__KIND: 'postgres',
      PLEXIBRIDGE__STORE__SHARDS: 'postgres://bridge:SECRET@127.0.0.1:1/bridge',
    });
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/^The store is PostgreSQL .* pg_basebackup .* pg_dump /);
    expect(err).not.toContain('SECRET');
  });

  it('bring people and presence back, from a bridge that was running', async () => {
    const bridge = await start();
    const ids = { plexichat_id: '175928847299117063' };
    const { body: person } = await bridge.call('POST', '/bridge/v1/people', OPERATOR, ids);
    const path = `/bridge/v1/people/${person.id}/tokens`;
    const { token } = (await bridge.call('POST', path, OPERATOR, { network: 'plexichat' })).body;
    const said = { status: 'dnd', custom_status: 'kept' };
    await bridge.call('PUT', '/api/v1/users/@me/presence', token, said);

    const file = join(folder, 'backup.db');
    const copied = await command(['backup', file]);
    expect([copied.out, copied.err]).toEqual([`Copied 1 people and 1 presence records to ${file}.\n`, '']);
    const second = await command(['backup', `${file}2`, '--json']);
    expect(JSON.parse(second.out)).toEqual({ file: `${file}2`, people: 1, presence: 1 });
    expect((await command(['backup', file])).code).toBe(1);
    expect((await command(['restore', file])).code).toBe(1);
    await bridge.call('PUT', '/api/v1/users/@me/presence', token, { status: 'idle', custom_status: 'later' });
    expect(await stop(bridge)).toBe(0);

    await rm(data, { recursive: true });
    const again = await command(['restore', file, '--json']);
    expect([again.code, JSON.parse(again.out)]).toEqual([0, { file, path: data }]);
    const restored = await start();
    expect((await restored.call('GET', '/api/v1/users/@me/presence', token)).body).toMatchObject(said);
  });
});

describe('a command line that is wrong', () => {
  it.each([
    [['no-such-command']],
    [['backup']],
    [['serve', '--no-such-option']],
    [['config']],
    [['user', 'list', '--limit', 'many']],
    [['token', 'new', 'ann']],
    [['token', 'new', 'ann', '--network', 'irc']],
    [['token', 'revoke', 'ann']],
    [['token', 'revoke', 'ann', 'token', '--all']],
  ])('ends with 2 and the reason: %j', async (args) => {
    const { code, out, err } = await command(args);
    expect([code, out]).toEqual([2, '']);
    expect(err.length).toBeGreaterThan(10);
  });

  it('is told from a question', async () => {
    const help = await command(['--help']);
    expect([help.code, help.err]).toEqual([0, '']);
    expect(help.out).toContain('Exit codes: 0 done, 1 refused or failed, 2 wrong usage.');
    expect(await command(['--version'])).toMatchObject({ code: 0, out: '0.1.0\n' });
    const { out } = await command(['version', '--json']);
    expect(JSON.parse(out)).toEqual({ plexibridge: '0.1.0', node: process.versions.node });
    expect((await command(['version'])).out).toBe(`plexibridge 0.1.0 on Node ${process.versions.node}\n`);
  });
});

describe('config', () => {
  it('checks, and prints an example that passes the check', async () => {
    const { out } = await command(['config', 'example']);
    const file = join(folder, 'example.yaml');
    await writeFile(file, out);
    expect((await command(['config', 'check', '--config', file])).code).toBe(0);
    expect(JSON.parse((await command(['config', 'schema'])).out)).toHaveProperty('properties.listen');
    expect((await command(['config', 'check', '--config', join(folder, 'none.yaml')])).code).toBe(1);
  });
});
