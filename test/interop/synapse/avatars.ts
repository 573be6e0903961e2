import { describe, expect, it } from 'vitest';
import type { Credentials, PlexichatServer } from '../../helpers/plexichat-server/server.ts';
import type { World } from './world.ts';
import { SOON } from './world.ts';

export interface Both {
  readonly world: World;
  readonly plexichat: PlexichatServer;
  /** Who is on the Plexichat server. */
  readonly cleo: Credentials;
}

/** What a Plexichat user looks like at Synapse. */
export function avatars(both: () => Both): void {
  describe('the stand-in of a user of the Plexichat server', () => {
    const standIn = () => `@_plexichat_${both().cleo.id}:hs.test`;
    const ask = (path: string) => both().world.synapse.call('GET', path, both().world.bob.token);
    const profile = async () =>
      (await ask(`/_matrix/client/v3/profile/${encodeURIComponent(standIn())}`)).body;

    it('has her name and her picture', async () => {
      const { plexichat, cleo, world } = both();
      const picture = { avatar_url: expect.stringMatching(/^mxc:\/\/hs\.test\/\w+$/) };
      await expect.poll(profile, SOON).toMatchObject({ displayname: 'cleo', ...picture });
      const { avatar_url } = await profile();
      const seen = await fetch(
        `${world.synapse.url}/_matrix/client/v1/media/download/${avatar_url.slice('mxc://'.length)}`,
        { headers: { authorization: `Bearer ${world.bob.token}` } },
      );
      expect(seen.headers.get('content-type')).toBe('image/png');
      const original = await fetch(`${plexichat.url}/api/v1/avatars/users/${cleo.id}`);
      expect(await seen.arrayBuffer()).toEqual(await original.arrayBuffer());
    });

    it('shows them to the room', async () => {
      const { avatar_url } = await profile();
      const rooms = await ask('/_matrix/client/v3/joined_rooms');
      const path = `/_matrix/client/v3/rooms/${encodeURIComponent(rooms.body.joined_rooms[0])}/joined_members`;
      const member = async () => (await ask(path)).body.joined[standIn()];
      await expect.poll(member, SOON).toEqual({ display_name: 'cleo', avatar_url });
    });

    it('is asked for once, and without a token', () => {
      const path = `/api/v1/avatars/users/${both().cleo.id}`;
      const asked = both().plexichat.requests.filter(
        (each) => each.path === path && /^plexibridge/.test(each.headers['user-agent'] ?? ''),
      );
      expect(asked.map(({ headers }) => headers.authorization)).toEqual([undefined]);
    });
  });
}
