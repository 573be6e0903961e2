import { GatewayFault } from '../../../../protocols/plexichat/close-codes.ts';
import { decodeResume, INVALID_SESSION } from '../../../../protocols/plexichat/frames.ts';
import { ContactFeed } from '../contact-feed.ts';
import { countSeen } from '../counters.ts';
import type { Peer } from '../peer.ts';
import { admit } from '../peer.ts';
import type { GatewaySession } from '../session.ts';

type Request = NonNullable<ReturnType<typeof decodeResume>>;

/** Op 6. Takes up a session by any live token of the same person; what was missed is sent in order. */
export async function resume(peer: Peer, d: unknown): Promise<void> {
  const { counters, sessions } = peer.context;
  if (peer.session) throw new GatewayFault('already_authenticated');
  const request = decodeResume(d);
  const person = request && (await admit(peer, request.token));
  const known = person && sessions.resume(request.session_id, person, request.seq, peer);
  if (known) await hold(peer, known, request);
  const session = known ?? (person && (await adopt(peer, request, person)));
  if (!session) {
    peer.send(INVALID_SESSION);
    return;
  }
  await countSeen(counters.resumed, session.person, peer.context);
}

/** Of a session of another node it is not known what was missed: the client is told how everybody is. */
async function adopt(
  peer: Peer,
  request: Request,
  person: GatewaySession['person'],
): Promise<GatewaySession | null> {
  const { audience, encoder, sessions } = peer.context;
  const adopted = sessions.adopt(request.session_id, person, request.seq, peer);
  if (!adopted) return null;
  const { session, presences } = adopted;
  await hold(peer, session, request);
  const feed = new ContactFeed(encoder, (event) => session.dispatch(event));
  const watch = presences ? await audience.watch(person, feed) : null;
  if (watch) session.feedFrom(watch);
  session.sayResumed();
  if (watch) feed.begin(watch.sightings, true);
  return session;
}

async function hold(peer: Peer, session: GatewaySession, { token }: Request): Promise<void> {
  const taken = session.lease.take(false);
  peer.hold(session, token);
  await taken;
}
