import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { request } from 'undici';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { freePort } from '../../helpers/free-port.ts';
import type { Answer } from '../../helpers/process.ts';
import { behindEachProxy } from '../proxy/each-proxy.ts';
import { startProxy } from '../proxy/proxies.ts';
import type { Both } from './avatars.ts';
import { GatewayWatcher } from './gateway-watcher.ts';
import { SOON, statusPath } from './world.ts';

const PASSWORD = 'a password of alice';

/** The published files, in front of a bridge and of both servers. */
export function proxies(both: () => Both): void {
  behindEachProxy((kind) => {
    const folder = mkdtempSync(join(tmpdir(), 'plexibridge-proxy-'));
    let proxy: AsyncDisposable;
    let matrix: string;
    let plexichat: string;
    /** Hers, by a login at the proxy. */
    let token: string;

    beforeAll(async () => {
      const [matrixPort, plexichatPort] = [await freePort(), await freePort()];
      const portOf = ({ url }: { url: string }) => Number(new URL(url).port);
      proxy = await startProxy(kind, folder, {
        8790: portOf(both().world.bridge),
        8008: portOf(both().world.synapse),
        8000: portOf(both().plexichat),
        8080: matrixPort,
        8081: plexichatPort,
      });
      matrix = `http://127.0.0.1:${matrixPort}`;
      plexichat = `http://127.0.0.1:${plexichatPort}`;
    });
    afterAll(async () => {
      await proxy[Symbol.asyncDispose]();
      rmSync(folder, { recursive: true, force: true });
    });

    it('one logs in at Synapse', async () => {
      const body = {
        type: 'm.login.password',
        identifier: { type: 'm.id.user', user: 'alice' },
        password: PASSWORD,
      };
      const login = await call('POST', `${matrix}/_matrix/client/v3/login`, '', body);
      expect(login).toMatchObject({ status: 200, body: { user_id: '@alice:hs.test' } });
      token = login.body.access_token;
      const path = '/_matrix/client/v3/account/whoami';
      const whoami = await both().world.synapse.call('GET', path, token);
      expect(whoami.body).toMatchObject({ user_id: '@alice:hs.test', device_id: login.body.device_id });
      expect(await call('GET', matrix + path, token)).toEqual(whoami);
    });

    it.each(['v3', 'r0', 'unstable', 'api/v1'])(
      '%s presence is written to the bridge and read there',
      async (version) => {
        const { world } = both();
        const path = statusPath(world.alice.userId).replace('v3', version);
        const said = { presence: 'online', status_msg: `by ${kind.name} as of ${version}` };
        expect(await call('PUT', matrix + path, token, said)).toEqual({ status: 200, body: {} });
        expect((await call('GET', matrix + path, token)).body).toMatchObject(said);
        expect(await world.readOnPlexichat(world.alice)).toMatchObject({ custom_status: said.status_msg });
        // Synapse was not told.
        expect((await world.readOnMatrix(world.alice.userId)).status_msg).not.toBe(said.status_msg);
      },
    );

    it('everything else is what Synapse says, presence of stand-ins among it', async () => {
      const { cleo, world } = both();
      const standIn = `@_plexichat_${cleo.id}:hs.test`;
      const presence = `${plexichat}/api/v1/users/@me/presence`;
      expect(await call('PUT', presence, cleo.token, { status: 'online' })).toMatchObject({ status: 200 });
      await expect.poll(() => world.onMatrix.latest(standIn), SOON).toMatchObject({ presence: 'online' });
      const sync = await call(
        'GET',
        `${matrix}/_matrix/client/v3/sync?timeout=0&set_presence=offline`,
        token,
      );
      expect(Object.keys(sync.body.rooms.join)).toHaveLength(1);
      expect(sync.body.presence.events.map(({ sender }: { sender: string }) => sender)).toContain(standIn);
      const versions = '/_matrix/client/versions';
      expect((await call('GET', matrix + versions, '')).body).toEqual(
        (await world.synapse.call('GET', versions, '')).body,
      );
    });

    it('a token that Synapse does not know is refused in its own words', async () => {
      const { alice, synapse } = both().world;
      const wrong = `syt_YWxpY2U_wrongwrongwrong${kind.name}_000000`;
      const own = await synapse.call('GET', '/_matrix/client/v3/account/whoami', wrong);
      expect(own).toMatchObject({ status: 401, body: { errcode: 'M_UNKNOWN_TOKEN' } });
      for (const method of ['GET', 'PUT'] as const) {
        const body = method === 'PUT' ? { presence: 'online' } : undefined;
        expect(await call(method, matrix + statusPath(alice.userId), wrong, body)).toEqual(own);
      }
    });

    it('a token that was logged out is refused as well', async () => {
      const logout = await call('POST', `${matrix}/_matrix/client/v3/logout`, token, {});
      expect(logout).toEqual({ status: 200, body: {} });
      const { status } = await call('GET', `${matrix}/_matrix/client/v3/account/whoami`, token);
      expect(status).toBe(401);
    });

    it('the other side is shared out likewise', async () => {
      const { cleo, world } = both();
      const standIn = `@_plexichat_${cleo.id}:hs.test`;
      const presence = `${plexichat}/api/v1/users/@me/presence`;
      const text = `by ${kind.name}`;
      const said = await call('PUT', presence, cleo.token, { status: 'idle', custom_status: text });
      expect(said).toMatchObject({ status: 200, body: { user_id: cleo.id, status: 'idle' } });
      await expect
        .poll(() => world.onMatrix.latest(standIn), SOON)
        .toMatchObject({ presence: 'unavailable', status_msg: text });
      expect(both().plexichat.status(cleo.id).text).toBe(null);
      const me = await call('GET', `${plexichat}/api/v1/users/@me`, cleo.token);
      expect(me.body).toMatchObject({ id: cleo.id, email: 'cleo@example.com' });
      {
        using _ = await GatewayWatcher.connect(plexichat, cleo.token);
        expect(both().plexichat.identifies.at(-1)).toMatchObject({ userId: cleo.id });
      }
      // Her own server says that she is gone, which ends what she said.
      await expect.poll(() => world.onMatrix.latest(standIn), SOON).toMatchObject({ presence: 'offline' });
    });
  });
}

async function call(
  method: 'GET' | 'PUT' | 'POST',
  url: string,
  token: string,
  body?: object,
): Promise<Answer> {
  const reply = await request(url, {
    method,
    headers: {
      ...(token !== '' && { authorization: `Bearer ${token}` }),
      'content-type': 'application/json',
    },
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: reply.statusCode, body: await reply.body.json() };
}
