import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import type { Outcome } from '../helpers/command.ts';
import { runCommand } from '../helpers/command.ts';

let folder: string;
let file: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plexibridge-registration-cli-'));
  file = join(folder, 'registration.yaml');
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** Runs `plexibridge registration …` in the folder to its end. */
function registration(args: readonly string[], env: Record<string, string> = {}): Promise<Outcome> {
  return runCommand(['registration', ...args], { cwd: folder, env });
}

async function read(path = file): Promise<any> {
  return parse(await readFile(path, 'utf8'));
}

describe('registration generate', () => {
  it('writes the file for its owner, tells what to do with it, and passes the check', async () => {
    const { code, out, err } = await registration(['generate']);
    expect([code, err]).toEqual([0, '']);
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const written = await read();
    expect(written).toMatchObject({ url: 'http://127.0.0.1:8790', rate_limited: false });
    expect(written.namespaces.users[0].regex).toContain(String.raw`:localhost$`);
    const steps = out.slice(out.indexOf('app_service_config_files'));
    expect(parse(steps.split('\n\n')[0] ?? '')).toEqual({
      app_service_config_files: [expect.stringMatching(/^\/.*\/registration\.yaml$/)],
    });
    expect(out).toContain('Set matrix.homeserver.url');
    expect(out).not.toContain(written.as_token);
    expect(out).not.toContain(written.hs_token);
    expect(await registration(['check'])).toEqual({ code: 0, out: 'The registration is good.\n', err: '' });
  });

  it('leaves a file alone that is there, unless told otherwise', async () => {
    await registration(['generate']);
    const before = await read();
    const refused = await registration(['generate']);
    expect([refused.code, refused.out]).toEqual([1, '']);
    expect(refused.err).toContain('exists already; --force');
    expect(await read()).toEqual(before);
    expect((await registration(['generate', '--force'])).code).toBe(0);
    const after = await read();
    expect(after).toEqual({ ...before, as_token: after.as_token, hs_token: after.hs_token });
    expect([after.as_token, after.hs_token]).not.toEqual([before.as_token, before.hs_token]);
  });

  it('takes the settings, and where the homeserver reaches the bridge', async () => {
    const config = join(folder, 'bridge.yaml');
    const homeserver = { registration: 'mine.yaml', url: 'http://127.0.0.1:8008', room: '#all:home.test' };
    await writeFile(config, stringify({ matrix: { server_name: 'home.test', homeserver } }));
    const url = 'http://bridge.internal:8790';
    const { code, out } = await registration(['generate', '--config', config, '--url', url]);
    expect([code, out.includes('Set matrix.homeserver.url')]).toEqual([0, false]);
    expect(out).toContain(`The homeserver of home.test will send to ${url}.`);
    expect(await read(join(folder, 'mine.yaml'))).toMatchObject({
      url,
      namespaces: {
        users: [{ regex: expect.stringContaining(String.raw`:home\.test$`) }],
        aliases: [{ regex: String.raw`^#all:home\.test$` }],
      },
    });
    const out2 = join(folder, 'other.yaml');
    expect((await registration(['generate', '--config', config, '--out', out2])).code).toBe(0);
    expect((await read(out2)).url).toBe('http://127.0.0.1:8790');
  });

  it.each([
    ['0.0.0.0', 'http://127.0.0.1:8791'],
    ['::', 'http://[::1]:8791'],
    ['::1', 'http://[::1]:8791'],
    ['10.0.0.7', 'http://10.0.0.7:8791'],
  ])('guesses where a bridge that listens on %s is reached', async (host, url) => {
    const env = { PLEXIBRIDGE__LISTEN__HOST: host, PLEXIBRIDGE__LISTEN__PORT: '8791' };
    await registration(['generate'], env);
    expect((await read()).url).toBe(url);
  });

  it('writes nothing that could not be used', async () => {
    const anyPort = await registration(['generate'], { PLEXIBRIDGE__LISTEN__PORT: '0' });
    expect([anyPort.code, anyPort.err]).toEqual([
      1,
      expect.stringContaining('url is an address to listen on'),
    ]);
    expect((await registration(['generate', '--url', 'bridge'])).err).toContain('url is no URL');
    await expect(stat(file)).rejects.toThrow('ENOENT');
  });
});

describe('registration check', () => {
  it('lists everything that is wrong, without a token', async () => {
    await registration(['generate']);
    const written = await read();
    await writeFile(
      file,
      stringify({ ...written, url: null, rate_limited: true, hs_token: written.as_token }),
    );
    const { code, out, err } = await registration(['check']);
    expect([code, out]).toEqual([1, '']);
    expect(err.match(/registration\.yaml: (url|rate_limited|as_token) /g)).toHaveLength(3);
    expect(err).not.toContain(written.as_token);
  });

  it('finds that the settings have changed since', async () => {
    await registration(['generate']);
    const { code, err } = await registration(['check'], { PLEXIBRIDGE__MATRIX__SERVER_NAME: 'new.test' });
    expect([code, err]).toEqual([1, expect.stringMatching(/does not cover stand-ins such as @.*:new\.test/)]);
  });

  it('tells how to make one that is missing', async () => {
    const { code, err } = await registration(['check']);
    expect([code, err]).toEqual([1, expect.stringContaining('`plexibridge registration generate`')]);
  });
});
