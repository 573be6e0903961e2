import { describe, expect, it } from 'vitest';
import { restart } from './restart.ts';
import type { World } from './world.ts';
import { MATRIX_ID, SOON, THERE } from './world.ts';

const GIVEN = '/bridge/v1/me/server-tokens/plexichat';

/** Who has accounts on both networks, and gave the bridge the token of the one at the server. */
export function linked(world: () => World): void {
  describe('a linked person', () => {
    /** Her own Matrix token at the bridge. */
    let token: string;
    const there = () => world().server.read(world().b.id, world().a);

    it('is shown there as she is here, with the token that she gave', async () => {
      const { server, b } = world();
      await server.write(b, { status: 'offline', custom_status: '' });
      await expect.poll(() => world().onMatrix(), SOON).toMatchObject({ presence: 'offline' });
      const { body } = await world().operate('POST', '/people', { matrix_id: MATRIX_ID });
      token = await world().matrixToken(body.id);
      await world().operate('POST', '/links', { plexichat_id: b.id, matrix_id: MATRIX_ID });
      await give(world(), token);
      await world().putOnMatrix(token, { presence: 'online', status_msg: 'from afar' });
      await expect.poll(there, THERE).toMatchObject({ status: 'online' });
      // With the next word the server shows what it kept of this one (Plexichat presence: cache lag).
      await world().putOnMatrix(token, { presence: 'unavailable', status_msg: 'from afar' });
      await expect.poll(there, THERE).toMatchObject({ status: 'idle', custom_status: 'from afar' });
    });

    it('is not shown there when she hides there', async () => {
      const { server, b } = world();
      const { last_seen } = await server.write(b, { status: 'invisible' });
      await expect.poll(() => world().onMatrix(MATRIX_ID), SOON).toMatchObject({ presence: 'offline' });
      await world().putOnMatrix(token, { presence: 'online', status_msg: 'not for you' });
      const looked = await world().pushes('unchanged');
      // Of whoever gives a token it is looked at once what is to be written.
      await give(world(), token);
      await expect.poll(() => world().pushes('unchanged'), SOON).toBeGreaterThan(looked);
      expect(await server.read(b.id, b)).toMatchObject({ status: 'invisible', last_seen });
      expect(await there()).toMatchObject({ status: 'offline' });
      expect(await world().onMatrix(MATRIX_ID)).toMatchObject({ presence: 'offline' });
    });

    it('is where she said there that she is, once she is back', async () => {
      const { server, b } = world();
      const { last_seen } = await server.write(b, { status: 'online', custom_status: 'here again' });
      await expect
        .poll(() => world().onMatrix(MATRIX_ID), SOON)
        .toMatchObject({ presence: 'online', status_msg: 'here again' });
      expect(await there()).toMatchObject({ status: 'online', last_seen });
    });

    restart(world, 'SIGKILL', { holdsToken: true });

    it('is there as before once she takes her token back', async () => {
      const { server, b, bridge } = world();
      await server.write(b, { status: 'offline', custom_status: '' });
      await expect.poll(() => world().onMatrix(), SOON).not.toMatchObject({ presence: 'unavailable' });
      await world().putOnMatrix(token, { presence: 'unavailable', status_msg: 'for a while' });
      await expect.poll(there, THERE).toMatchObject({ status: 'idle' });
      expect((await bridge.call('DELETE', GIVEN, token)).status).toBe(204);
      expect(await there()).toMatchObject({ status: 'offline' });
    });
  });
}

async function give({ bridge, b }: World, matrixToken: string): Promise<void> {
  expect((await bridge.call('PUT', GIVEN, matrixToken, { token: b.token })).status).toBe(204);
}
