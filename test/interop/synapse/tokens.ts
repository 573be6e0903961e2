import { describe, expect, it } from 'vitest';
import type { PlexichatPerson, World } from './world.ts';
import { SOON, statusPath } from './world.ts';
import type { Account } from './synapse.ts';

/** Tokens of Synapse, which it vouches for, at the Matrix API of the bridge. */
export function tokens(world: () => World): void {
  describe("Synapse's tokens", () => {
    let carol: Account;
    let cleo: PlexichatPerson;
    const put = ({ userId, token }: Account, content: object) =>
      world().bridge.call('PUT', statusPath(userId), token, content);

    it('let their users in', async () => {
      const tess = await world().matrixUser('tess');
      const said = await put(tess, { presence: 'online', status_msg: 'by the bridge' });
      expect(said).toEqual({ status: 200, body: {} });
      expect(await world().readOnPlexichat(tess)).toMatchObject({
        status: 'online',
        custom_status: 'by the bridge',
      });
      const asBob = await put({ ...tess, userId: world().bob.userId }, { presence: 'online' });
      expect(asBob).toMatchObject({ status: 403, body: { errcode: 'M_FORBIDDEN' } });
    });

    it("are refused in Synapse's own words", async () => {
      const { synapse, alice } = world();
      const wrong = 'syt_YWxpY2U_wrongwrongwrongwrong_000000';
      const own = await synapse.call('GET', '/_matrix/client/v3/account/whoami', wrong);
      expect(own).toMatchObject({ status: 401, body: { errcode: 'M_UNKNOWN_TOKEN' } });
      expect(await put({ userId: alice.userId, token: wrong }, { presence: 'online' })).toEqual(own);
    });

    it('show linked people at Synapse as they are here', async () => {
      carol = await world().matrixUser('carol');
      cleo = await world().plexichatUser('Cleo', carol.userId);
      expect((await put(carol, { presence: 'online', status_msg: 'mirrored' })).status).toBe(200);
      const { onMatrix } = world();
      await expect
        .poll(() => onMatrix.latest(carol.userId), SOON)
        .toMatchObject({ presence: 'online', status_msg: 'mirrored' });
      await world().putOnPlexichat(cleo, { status: 'idle', custom_status: 'from Plexichat' });
      await expect
        .poll(() => onMatrix.latest(carol.userId), SOON)
        .toMatchObject({ presence: 'unavailable', status_msg: 'from Plexichat' });
    });

    it('do so without an end of it', async () => {
      await world().putOnPlexichat(cleo, { status: 'offline', custom_status: '' });
      await expect.poll(() => world().onMatrix.latest(carol.userId)?.presence, SOON).toBe('offline');
      await expect
        .poll(() => world().readOnPlexichat(carol), SOON)
        .toMatchObject({
          status: 'offline',
          custom_status: null,
        });
    });
  });
}
