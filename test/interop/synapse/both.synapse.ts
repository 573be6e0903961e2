import { systemClock } from '../../../src/presence/clock.ts';
import type { Credentials, PlexichatServer } from '../../helpers/plexichat-server/server.ts';
import { startPlexichatServer } from '../../helpers/plexichat-server/server.ts';
import { avatars } from './avatars.ts';
import { inWorld } from './in-world.ts';
import { proxies } from './proxies.ts';
import { World } from './world.ts';

let plexichat: PlexichatServer;
let cleo: Credentials;

/** A bridge between two servers; cleo is on the one of Plexichat, and the bridge sees her there. */
async function start(): Promise<World> {
  plexichat = await startPlexichatServer({ clock: systemClock });
  const ours = plexichat.addUser({ username: 'the_bridge' });
  cleo = plexichat.addUser({ username: 'cleo' });
  plexichat.befriend(ours.id, cleo.id);
  plexichat.userConnects(cleo.id);
  const settings = {
    PLEXIBRIDGE__LISTEN__TRUSTED_PROXIES: '["127.0.0.1"]',
    PLEXIBRIDGE__PLEXICHAT__SERVER__URL: plexichat.url,
    PLEXIBRIDGE__PLEXICHAT__SERVER__TOKEN: ours.token,
  };
  return World.start(settings, [plexichat]);
}

inWorld('a bridge between a Synapse and a Plexichat server', start, (world) => {
  const both = () => ({ world: world(), plexichat, cleo });
  avatars(both);
  proxies(both);
});
