import { idOn } from '../../../../presence/network.ts';
import { GatewayFault } from '../../../../protocols/plexichat/close-codes.ts';
import { decodeIdentify, readyEvent } from '../../../../protocols/plexichat/frames.ts';
import { ContactFeed } from '../contact-feed.ts';
import { countSeen } from '../counters.ts';
import type { Peer } from '../peer.ts';
import { admit } from '../peer.ts';

/** Op 2. Opens a session, which makes her present but leaves alone what she said of herself (semantics §5). */
export async function identify(peer: Peer, d: unknown): Promise<void> {
  const { audience, counters, encoder, gateway, network, people, sessions } = peer.context;
  if (peer.session) throw new GatewayFault('already_authenticated');
  const { token, compress, presences } = decodeIdentify(d, gateway.maxIntents);
  const id = await admit(peer, token);
  if (id === null) throw new GatewayFault('authentication_failed');
  const person = await people.get(id);

  const session = sessions.open(id, { presences }, peer);
  const taken = session.lease.take(true);
  peer.hold(session, token);
  await taken;
  const feed = new ContactFeed(encoder, (event) => session.dispatch(event));
  const watch = presences ? await audience.watch(id, feed) : null;
  if (watch) session.feedFrom(watch);

  if (compress) peer.compress();
  session.dispatch(readyEvent(idOn(person, network), person, session.id, peer.origin.url));
  if (watch) feed.begin(watch.sightings, gateway.initialPresences);
  await countSeen(counters.identified, id, peer.context);
}
