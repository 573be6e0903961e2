import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { targetOf } from './target.ts';

const RUN = fileURLToPath(new URL('../run.ts', import.meta.url));
const LOADER = fileURLToPath(new URL('../../../config/dev/load-typescript.js', import.meta.url));
const URL_OF_IT = 'https://plexichat.test/there';

describe('a server that runs', () => {
  it('is taken from the environment', () => {
    const env = {
      PLEXICHAT_TOKEN_A: '1.a',
      PLEXICHAT_TOKEN_B: '2.b',
      PLEXICHAT_TOKEN_BRIDGE: '3.c',
      PLEXICHAT_ACCESS_TOKEN: 'come-in',
      PLEXICHAT_RATE_LIMIT_BYPASS: '',
    };
    expect(targetOf(`${URL_OF_IT}/`, env)).toEqual({
      url: URL_OF_IT,
      tokenA: '1.a',
      tokenB: '2.b',
      bridgeToken: '3.c',
      accessToken: 'come-in',
      rateLimitBypass: undefined,
    });
  });

  it.each([
    ['PLEXICHAT_TOKEN_A and PLEXICHAT_TOKEN_B', {}],
    ['PLEXICHAT_TOKEN_B', { PLEXICHAT_TOKEN_A: '1.a', PLEXICHAT_TOKEN_B: '' }],
  ])('cannot be tried without %s', (names, env) => {
    expect(() => targetOf(URL_OF_IT, env)).toThrow(new RegExp(`^${names} must hold a token`));
  });

  it.each(['', 'plexichat.test', 'ws://plexichat.test'])('is not at %j', (url) => {
    expect(() => targetOf(url, {})).toThrow('--plexichat must be the URL of a server');
  });

  it('fails the run, before anything is installed, without tokens', async () => {
    const args = ['--import', LOADER, RUN, '--plexichat', URL_OF_IT];
    const run = promisify(execFile)(process.execPath, args, { env: { PATH: process.env['PATH'] } });
    await expect(run).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^PLEXICHAT_TOKEN_A and PLEXICHAT_TOKEN_B must hold a token/),
    });
  });
});
