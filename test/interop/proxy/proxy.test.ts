import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { request } from 'undici';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemSecrets } from '../../../src/secrets.ts';
import { makeRegistration } from '../../../src/connectors/matrix/registration.ts';
import { writeRegistration } from '../../../src/connectors/matrix/registration-file.ts';
import { freePort } from '../../helpers/free-port.ts';
import type { RunningBridge } from '../../helpers/process.ts';
import { OPERATOR, runBridge } from '../../helpers/process.ts';
import type { Backend } from './backends.ts';
import { LOGGED_OUT, startHomeserver, startPlexichat } from './backends.ts';
import { behindEachProxy } from './each-proxy.ts';
import { startProxy } from './proxies.ts';

const TERMS = { serverName: 'hs.test', standInTemplate: '@_plexichat_{id}:{server_name}' };
const ALICE = { id: '@alice:hs.test', token: 'syt_alice' };
const CLEO = { id: '382824975331102720', token: '1.cleo' };

behindEachProxy((kind) => {
  const folder = mkdtempSync(join(tmpdir(), 'plexibridge-proxy-'));
  let homeserver: Backend;
  let plexichat: Backend;
  let bridge: RunningBridge;
  let proxy: AsyncDisposable;
  let matrixPort: number;
  let plexichatPort: number;

  beforeAll(async () => {
    homeserver = await startHomeserver(ALICE.token, ALICE.id);
    plexichat = await startPlexichat(CLEO.token, CLEO.id);
    const registration = join(folder, 'registration.yaml');
    writeRegistration(
      registration,
      makeRegistration(TERMS, 'http://127.0.0.1:9', systemSecrets),
      TERMS,
      false,
    );
    bridge = await runBridge(join(folder, 'data'), {
      PLEXIBRIDGE__LISTEN__TRUSTED_PROXIES: '["127.0.0.1"]',
      PLEXIBRIDGE__MATRIX__SERVER_NAME: TERMS.serverName,
      PLEXIBRIDGE__MATRIX__HOMESERVER__URL: `http://127.0.0.1:${homeserver.port}`,
      PLEXIBRIDGE__MATRIX__HOMESERVER__REGISTRATION: registration,
      PLEXIBRIDGE__PLEXICHAT__SERVER__URL: `http://127.0.0.1:${plexichat.port}`,
    });
    [matrixPort, plexichatPort] = [await freePort(), await freePort()];
    proxy = await startProxy(kind, folder, {
      8790: Number(new URL(bridge.url).port),
      8008: homeserver.port,
      8000: plexichat.port,
      8080: matrixPort,
      8081: plexichatPort,
    });
  });

  afterAll(async () => {
    await proxy[Symbol.asyncDispose]();
    await bridge.end('SIGTERM');
    await homeserver[Symbol.asyncDispose]();
    await plexichat[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  async function call(method: 'GET' | 'PUT', port: number, path: string, token: string, body?: object) {
    const reply = await request(`http://127.0.0.1:${port}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body && { body: JSON.stringify(body) }),
    });
    return { status: reply.statusCode, body: (await reply.body.json()) as Record<string, unknown> };
  }

  it.each(['api/v1', 'r0', 'v3', 'unstable'])(
    '%s presence is the business of the bridge',
    async (version) => {
      const path = `/_matrix/client/${version}/presence/${encodeURIComponent(ALICE.id)}/status`;
      const written = await call('PUT', matrixPort, path, ALICE.token, { presence: 'unavailable' });
      expect(written).toEqual({ status: 200, body: {} });
      expect((await call('GET', matrixPort, path, ALICE.token)).body).toMatchObject({
        presence: 'unavailable',
      });
    },
  );

  it('so is that of the other network, and each sees the other', async () => {
    const path = '/api/v1/users/@me/presence';
    const written = await call('PUT', plexichatPort, path, CLEO.token, { status: 'dnd' });
    expect(written).toMatchObject({ status: 200, body: { user_id: CLEO.id, status: 'dnd' } });
    const standIn = `/_matrix/client/v3/presence/@_plexichat_${CLEO.id}:hs.test/status`;
    expect((await call('GET', matrixPort, standIn, ALICE.token)).body).toMatchObject({
      presence: 'unavailable',
    });
    const { body } = await bridge.call('GET', `/bridge/v1/people/${ALICE.id}`, OPERATOR);
    const seen = await call('GET', plexichatPort, `/api/v1/users/${body.plexichat_id}/presence`, CLEO.token);
    expect(seen.body).toMatchObject({ status: 'idle' });
  });

  it.each([
    ['/_matrix/client/v3/sync?since=1&filter=%7B%22a%22%3A1%7D'],
    ['/_matrix/client/v3/presencelist'],
    ['/_matrix/client/v3/profile/@a%2Fb:hs.test//x'],
  ])('%s stays with the homeserver, as it was written', async (url) => {
    expect((await call('GET', matrixPort, url, ALICE.token)).body).toEqual({ from: 'homeserver', url });
  });

  it.each([['/api/v1/users/@me'], ['/api/v1/users/1/presence/more'], ['/gateway']])(
    '%s stays with the Plexichat server',
    async (url) => {
      expect((await call('GET', plexichatPort, url, CLEO.token)).body).toEqual({ from: 'plexichat', url });
    },
  );

  it('a token that the homeserver does not know is refused in its own words', async () => {
    const path = `/_matrix/client/v3/presence/${ALICE.id}/status`;
    expect(await call('GET', matrixPort, path, 'syt_old')).toEqual({ status: 401, body: LOGGED_OUT });
  });

  it('a token that the Plexichat server does not know is refused', async () => {
    const reply = await call('GET', plexichatPort, `/api/v1/users/${CLEO.id}/presence`, '1.old');
    expect(reply).toEqual({ status: 401, body: { error: { code: 401, message: 'Invalid/Revoked' } } });
  });

  it('servers are asked for a token once', async () => {
    const asked = () => homeserver.seen.filter((each) => each.endsWith('/whoami')).length;
    const path = `/_matrix/client/v3/presence/${ALICE.id}/status`;
    await call('GET', matrixPort, path, ALICE.token);
    const before = asked();
    for (let each = 0; each < 5; each++) await call('GET', matrixPort, path, ALICE.token);
    expect(asked()).toBe(before);
  });
});
