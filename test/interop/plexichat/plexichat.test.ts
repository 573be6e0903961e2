import { afterAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/presence/clock.ts';
import type { PlexichatServerOptions } from '../../helpers/plexichat-server/options.ts';
import type { Credentials, PlexichatServer } from '../../helpers/plexichat-server/server.ts';
import { startPlexichatServer } from '../../helpers/plexichat-server/server.ts';
import { besideServer } from './suite.ts';
import { SOON } from './world.ts';

interface Server {
  readonly name: string;
  readonly options: Omit<PlexichatServerOptions, 'clock'>;
  /** How a and b know each other, and whose account the bridge has. */
  readonly acquaint: (server: PlexichatServer, a: Credentials, b: Credentials) => Credentials;
}

const SERVERS: readonly Server[] = [
  {
    name: 'with a cache',
    options: { cacheServer: true },
    acquaint: (server, a, b) => {
      server.befriend(a.id, b.id);
      return a;
    },
  },
  {
    name: 'of an older version, which wants its secrets',
    options: { dialect: 'a49', timestamps: 's', accessToken: 'come-in', bypassSecret: 'let-us-in' },
    acquaint: (server, a, b) => {
      const ours = server.addUser({ username: 'the_bridge' });
      server.addGuild([ours.id, a.id, b.id]);
      return ours;
    },
  },
];

/** The suite for any server that runs, at one that has every defect. */
describe.each(SERVERS)('$name', ({ options, acquaint }) => {
  let server: PlexichatServer;
  let ours: Credentials;

  afterAll(() => server[Symbol.asyncDispose]());

  async function start() {
    server = await startPlexichatServer({ clock: systemClock, ...options });
    const [a, b] = ['ada', 'bea'].map((username) => server.addUser({ username })) as [
      Credentials,
      Credentials,
    ];
    ours = acquaint(server, a, b);
    server.userWrites(a.id, { status: 'idle', custom_status: 'as ever', custom_emoji: '🍵' });
    server.userWrites(b.id, { status: 'invisible' });
    return {
      url: server.url,
      tokenA: a.token,
      tokenB: b.token,
      bridgeToken: ours === a ? undefined : ours.token,
      accessToken: options.accessToken,
      rateLimitBypass: options.bypassSecret,
    };
  }

  besideServer(start, (world) => {
    it('follows it through a restart, and what was said in the gap', async () => {
      const { b } = world();
      await server.sockets.restart(0);
      server.userWrites(b.id, { status: 'online' });
      await expect.poll(() => world().onMatrix(), SOON).toMatchObject({ presence: 'online' });
    });

    it('signs in as itself alone', () => {
      expect(new Set(server.identifies.map(({ userId }) => userId))).toEqual(new Set([ours.id]));
    });
  });
});
