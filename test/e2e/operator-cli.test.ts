import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Outcome } from '../helpers/command.ts';
import { runCommand } from '../helpers/command.ts';
import type { RunningBridge } from '../helpers/process.ts';
import { OPERATOR, runBridge } from '../helpers/process.ts';

const ANN = '175928847299117063';

let folder: string;
let bridge: RunningBridge;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plexibridge-operator-'));
  bridge = await runBridge(join(folder, 'data'), {
    PLEXIBRIDGE__LIMITS__FAILED_AUTH__BURST: '3',
    PLEXIBRIDGE__LIMITS__FAILED_AUTH__PER_SECOND: '0.001',
  });
});

afterAll(async () => {
  await bridge.end('SIGTERM');
  await rm(folder, { recursive: true, force: true });
});

/** With the right address and token, unless told otherwise. */
function command(args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  const { hostname, port } = new URL(bridge.url);
  return runCommand(args, {
    cwd: folder,
    env: {
      PLEXIBRIDGE__LISTEN__HOST: hostname,
      PLEXIBRIDGE__LISTEN__PORT: port,
      PLEXIBRIDGE__OPERATOR__TOKEN: OPERATOR,
      ...env,
    },
  });
}

async function printed(...args: string[]): Promise<any> {
  const { code, out, err } = await command([...args, '--json']);
  expect([code, err]).toEqual([0, '']);
  return JSON.parse(out);
}

async function lines(...args: string[]): Promise<string[]> {
  const { code, out, err } = await command(args);
  expect([code, err]).toEqual([0, '']);
  return out.split('\n');
}

describe('what an operator does', () => {
  it('goes from an empty bridge to people with tokens, linked, explained and audited', async () => {
    const ann = await printed('user', 'add', '--plexichat', ANN, '--name', 'Ann', '--visibility', 'contacts');
    expect(ann).toMatchObject({ plexichat_id: ANN, display_name: 'Ann', visibility: 'contacts' });
    await lines('user', 'add', '--matrix', '@ann:localhost');
    expect(await printed('user', 'show', ANN)).toEqual(ann);
    expect(await lines('user', 'show', ANN)).toContain(`plexichat   ${ANN}`);
    expect(await lines('user', 'show', ANN)).toContain(`matrix      (@_plexichat_${ANN}:localhost)`);

    const [token] = await lines('token', 'new', ANN, '--network', 'plexichat', '--device', 'phone');
    const said = { status: 'dnd', custom_status: 'Working' };
    expect((await bridge.call('PUT', '/api/v1/users/@me/presence', token!, said)).status).toBe(200);
    const second = await printed('token', 'new', ANN, '--network', 'plexichat');
    expect(second).toMatchObject({ network: 'plexichat', token: expect.stringContaining(`${ANN}.`) });

    const linked = await printed('link', '--plexichat', ANN, '--matrix', '@ann:localhost');
    expect(linked).toMatchObject({ linked: true, matrix_id: '@ann:localhost' });
    const why = await printed('why', '@ann:localhost');
    expect(why).toMatchObject({ shown: { mode: 'dnd', text: 'Working' }, revealed: null });
    const told = (await lines('why', ANN)).join('\n');
    expect(told).toContain('is shown dnd, with "Working", last active');
    expect(told).toContain('She is dnd because she said so.');
    expect(told).toMatch(/^matrix v1 +unavailable +Working/m);

    expect(await printed('unlink', ANN)).toHaveLength(2);
    expect(await printed('user', 'list')).toHaveLength(2);
    expect(await printed('user', 'list', '--limit', '1')).toHaveLength(1);
    expect((await lines('user', 'list'))[0]).toMatch(/^id +plexichat +matrix +name +visibility$/);

    expect(await lines('token', 'revoke', ANN, second.token_id)).toContain('Revoked.');
    expect((await bridge.call('GET', '/api/v1/users/@me/presence', second.token)).status).toBe(401);
    expect((await bridge.call('GET', '/api/v1/users/@me/presence', token!)).status).toBe(200);
    await lines('token', 'revoke', ANN, '--all');
    expect((await bridge.call('GET', '/api/v1/users/@me/presence', token!)).status).toBe(401);

    const actions = (await printed('audit')).map(({ action }: any) => action);
    expect(actions).toEqual([
      'token.revoke',
      'token.revoke',
      'unlink',
      'link',
      'token.issue',
      'token.issue',
      'person.create',
      'person.create',
    ]);
    expect(await printed('audit', '--limit', '3')).toHaveLength(3);
    expect((await lines('audit'))[1]).toMatch(/^\d{4}-\S+Z +operator +token\.revoke +\S{16} +token_ids="/);
  });

  it('sees what is hidden for a reason only, which is kept', async () => {
    await printed('user', 'add', '--plexichat', '175928847299117064');
    const { token } = await printed('token', 'new', '175928847299117064', '--network', 'plexichat');
    await bridge.call('PUT', '/api/v1/users/@me/presence', token, { status: 'invisible' });
    const hidden = (await lines('why', '175928847299117064')).join('\n');
    expect(hidden).toContain('is shown offline');
    expect(hidden).not.toContain('invisible');
    const more = (await lines('why', '175928847299117064', '--reveal', 'she asks why')).join('\n');
    expect(more).toContain('Really she is invisible');
    expect((await printed('audit', '--limit', '1'))[0]).toMatchObject({
      action: 'reveal',
      details: { reason: 'she asks why' },
    });
  });

  it('takes ids that begin with a dash for ids', async () => {
    for (const args of [
      ['user', 'show', '-rjuIpyC16olx6SJ'],
      ['token', 'revoke', ANN, '-rjuIpyC16olx6SJ'],
      ['unlink', '--juIpyC16olx6SJ'],
    ]) {
      const { code, err } = await command(args);
      expect([code, err]).toEqual([1, expect.stringContaining('The bridge refused (not_found)')]);
    }
    const named = await printed(
      'user',
      'add',
      '--plexichat',
      '175928847299117065',
      '--name',
      '-rjuIpyC16olx6SJ',
    );
    expect(named.display_name).toBe('-rjuIpyC16olx6SJ');
  });

  it('is refused in words', async () => {
    const unknown = await command(['user', 'show', 'nobody']);
    expect(unknown).toEqual({ code: 1, out: '', err: 'The bridge refused (not_found): No such person\n' });
    expect((await command(['user', 'add'])).err).toContain('A person needs at least one id');
    expect((await command(['why', ANN, '--reveal', 'x'])).code).toBe(1);
  });
});

describe('where the bridge and its token come from', () => {
  it('takes --url and --token-file before the settings', async () => {
    const file = join(folder, 'token');
    await writeFile(file, `${OPERATOR}\n`);
    const wrong = {
      PLEXIBRIDGE__LISTEN__PORT: '1',
      PLEXIBRIDGE__OPERATOR__TOKEN: 'not-the-operator-token',
    };
    const given = ['--url', `${bridge.url}/`, '--token-file', file];
    expect((await command(['user', 'list', ...given], wrong)).code).toBe(0);
    const config = join(folder, 'bridge.yaml');
    await writeFile(config, `operator: {token: ${OPERATOR}}\nlisten: {port: ${new URL(bridge.url).port}}\n`);
    const plain = await runCommand(['user', 'list', '--config', config]);
    expect([plain.code, plain.err]).toEqual([0, '']);
  });

  it.each([
    [
      'no bridge',
      { PLEXIBRIDGE__LISTEN__PORT: '1' },
      [],
      /No bridge runs at http:\/\/127\.0\.0\.1:1\. Start it with `plexibridge serve`/,
    ],
    ['no URL', {}, ['--url', 'ftp://x'], /--url ftp:\/\/x is no http or https URL/],
    ['no host', {}, ['--url', 'http://bridge.invalid'], /gave no answer \(\w+\)/],
    ['no token file', {}, ['--token-file', 'none'], /ENOENT/],
    [
      'a wrong token',
      { PLEXIBRIDGE__OPERATOR__TOKEN: 'not-the-operator-token' },
      [],
      /does not know the operator token of the settings\. It must be the one that the bridge was started with/,
    ],
  ])('says what is wrong and what to do: %s', async (name, env, args, words) => {
    const { code, out, err } = await command(['user', 'list', ...args], env);
    expect([code, out]).toEqual([name === 'no URL' ? 2 : 1, '']);
    expect(err).toMatch(words);
    expect(err).not.toContain('not-the-operator-token');
  });

  it('says when there is no token, and when too many were wrong', async () => {
    const { port } = new URL(bridge.url);
    const bare = await runCommand(['audit'], { cwd: folder, env: { PLEXIBRIDGE__LISTEN__PORT: port } });
    expect([bare.code, bare.err]).toEqual([
      1,
      expect.stringContaining('There is no operator token: give --token-file'),
    ]);
    const wrong = { PLEXIBRIDGE__OPERATOR__TOKEN: 'not-the-operator-token' };
    let last = await command(['audit'], wrong);
    for (let i = 0; i < 5 && !last.err.includes('too many'); i++) last = await command(['audit'], wrong);
    expect(last.err).toContain('too many wrong tokens came from here');
  });

  it.each([
    ['text', 200, 'hello'],
    ['another API', 404, '{"errcode": "M_UNRECOGNIZED"}'],
  ])('tells what is no bridge: %s', async (_name, status, answer) => {
    const other = createServer((_request, response) => void response.writeHead(status).end(answer));
    other.listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const { code, err } = await command(['audit', '--url', `http://127.0.0.1:${port}`]);
    other.closeAllConnections();
    other.close();
    expect([code, err]).toEqual([1, expect.stringContaining('is no plexibridge of this version')]);
  });
});

describe('progress', () => {
  it('is shown where there is a terminal, and nowhere else', async () => {
    const store = { PLEXIBRIDGE__STORE__PATH: join(folder, 'data') };
    const quiet = await command(['backup', join(folder, 'quiet.db')], store);
    expect([quiet.code, quiet.err]).toEqual([0, '']);
    const main = new URL('../../dist/main.js', import.meta.url).pathname;
    const inTerminal = `'${process.execPath}' '${main}' backup '${join(folder, 'seen.db')}'`;
    const child = spawn('script', ['-qec', inTerminal, '/dev/null'], {
      env: { PATH: process.env['PATH'], TERM: 'xterm', ...store },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const seen = await text(child.stdout);
    expect(seen).toMatch(/Backup █+ 100% \| (\d+)\/\1 \|/);
    expect(seen).toMatch(/Copied \d people/);
  });
});
