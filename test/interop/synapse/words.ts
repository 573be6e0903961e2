import { describe, expect, it } from 'vitest';
import type { Content } from './matrix-watcher.ts';
import type { World } from './world.ts';
import { SOON } from './world.ts';

/** What is said on either side is heard on the other, in its own words. */
export function words(world: () => World): void {
  describe('what Matrix users say', () => {
    it('is read on Plexichat and told at the gateway', async () => {
      const { alice, onPlexichat } = world();
      await world().putOnMatrix(alice, { presence: 'online', status_msg: 'at the desk' });
      const seen = { status: 'online', custom_status: 'at the desk', custom_emoji: null };
      await expect.poll(() => world().readOnPlexichat(alice), SOON).toMatchObject(seen);
      const id = await world().snowflakeOf(alice);
      expect(await world().readOnPlexichat(alice)).toMatchObject({
        user_id: id,
        last_seen: expect.closeTo(Date.now() / 1000, -2),
      });
      await expect.poll(() => onPlexichat.of(id ?? '').at(-1), SOON).toEqual({ user_id: id, ...seen });
    });

    it('is heard from their sync alone', async () => {
      const erin = await world().matrixUser('erin');
      for (const [said, seen] of [
        ['online', 'online'],
        ['unavailable', 'idle'],
      ] as const) {
        await world().synapse.sync(erin.token, undefined, 0, said);
        await expect.poll(() => world().readOnPlexichat(erin), SOON).toMatchObject({ status: seen });
      }
    });

    it('keeps its emoji, changes, and ends', async () => {
      const { alice } = world();
      const read = () => world().readOnPlexichat(alice);
      await world().putOnMatrix(alice, { presence: 'unavailable', status_msg: '🍵 a tea' });
      await expect
        .poll(read, SOON)
        .toMatchObject({ status: 'idle', custom_status: '🍵 a tea', custom_emoji: null });
      await world().putOnMatrix(alice, { presence: 'online' });
      await expect.poll(read, SOON).toMatchObject({ status: 'online', custom_status: null });
      await world().putOnMatrix(alice, { presence: 'offline' });
      await expect.poll(read, SOON).toMatchObject({ status: 'offline' });
    });
  });

  describe('what Plexichat users say', () => {
    it('is told in the sync of who shares the room, under their name', async () => {
      const { pat, onMatrix, bob, synapse } = world();
      await world().putOnPlexichat(pat, {
        status: 'online',
        custom_status: 'deep work',
        custom_emoji: ':computer:',
      });
      await expect
        .poll(() => onMatrix.latest(pat.standIn), SOON)
        .toEqual({
          presence: 'online',
          status_msg: '💻 deep work',
          currently_active: true,
          last_active_ago: expect.any(Number),
        });
      const rooms = await synapse.call('GET', '/_matrix/client/v3/joined_rooms', bob.token);
      const path = `/_matrix/client/v3/rooms/${encodeURIComponent(rooms.body.joined_rooms[0])}/joined_members`;
      const { joined } = (await synapse.call('GET', path, bob.token)).body;
      expect(joined[pat.standIn].display_name).toBe('Pat');
    });

    it.each([
      [
        { status: 'idle', custom_status: 'reading' },
        { presence: 'unavailable', status_msg: 'reading' },
      ],
      [
        { status: 'dnd', custom_emoji: '🔕' },
        { presence: 'unavailable', status_msg: '🔕 reading' },
      ],
      [
        { status: 'online', custom_status: '' },
        { presence: 'online', status_msg: undefined },
      ],
      [{ status: 'offline' }, { presence: 'offline' }],
    ])('%o', async (said, { presence, ...status }) => {
      const { pat, onMatrix } = world();
      await world().putOnPlexichat(pat, said);
      const read = () => {
        const { presence, status_msg } = onMatrix.latest(pat.standIn) ?? {};
        return { presence, status_msg };
      };
      await expect.poll(read, SOON).toEqual({ presence, status_msg: undefined, ...status });
    });

    it('does not tell invisible from offline, nor what follows it', async () => {
      const { onMatrix } = world();
      const una = await world().plexichatUser('Una');
      const uma = await world().plexichatUser('Uma');
      const both = [una, uma];
      for (const each of both) {
        await world().putOnPlexichat(each, { status: 'online', custom_status: 'here', custom_emoji: '🌞' });
        await expect.poll(() => onMatrix.latest(each.standIn)?.status_msg, SOON).toBe('🌞 here');
      }
      await world().putOnPlexichat(una, { status: 'invisible' });
      await world().putOnPlexichat(uma, { status: 'offline' });
      for (const each of both) {
        await expect.poll(() => onMatrix.latest(each.standIn)?.presence, SOON).toBe('offline');
      }
      const after = both.map(({ standIn }) => onMatrix.from(standIn));
      const shown = () => Promise.all(both.map(({ standIn }) => world().readOnMatrix(standIn)));
      const [asInvisible, asOffline] = await shown();
      expect(withoutAge(asInvisible)).toEqual(withoutAge(asOffline));

      await world().putOnPlexichat(una, { status: 'invisible', custom_status: 'secret' });
      // What another says later arrives later.
      await world().putOnPlexichat(world().pat, { status: 'online', custom_status: 'later' });
      await expect.poll(() => onMatrix.latest(world().pat.standIn)?.status_msg, SOON).toBe('later');
      expect(after.map((come) => come())).toEqual([[], []]);
      expect((await shown()).map(withoutAge)).toEqual([withoutAge(asInvisible), withoutAge(asOffline)]);
      // Synapse begins with their being offline when it has the time.
      const told = both.map(({ standIn }) => onMatrix.of(standIn).slice(-2).map(withoutAge));
      expect(told[0]).toEqual(told[1]);
    });
  });
}

/** All but what depends on the moment; that it is there stays. */
function withoutAge(content: Content): object {
  return { ...content, ...(content.last_active_ago !== undefined && { last_active_ago: 'some' }) };
}
