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
  const { counters } = peer.context;
  if (peer.session) throw new GatewayFault('already_authenticated');
  const request = decodeResume(d);
  const person = request && (await admit(peer, request.token));
  const session = person && ((await takeUp(peer, request, person)) ?? (await adopt(peer, request, person)));
  if (!session) {
    peer.send(INVALID_SESSION);
    return;
  }
  await countSeen(counters.resumed, session.person, peer.context);
}

/** A session of this node. */
async function takeUp(
  peer: Peer,
  request: Request,
  person: GatewaySession['person'],
): Promise<GatewaySession | null> {
  const known = peer.context.sessions.resume(request.session_id, person, request.seq, peer);
  if (!known) return null;
  const { session, anew } = known;
  if (anew) await beginAnew(peer, { session, ...anew }, request);
  else await hold(peer, session, request);
  return session;
}

/** Of a session of another node it is not known what was missed: the client is told how everybody is. */
async function adopt(
  peer: Peer,
  request: Request,
  person: GatewaySession['person'],
): Promise<GatewaySession | null> {
  const { sessions } = peer.context;
  const adopted = sessions.adopt(request.session_id, person, request.seq, peer);
  if (!adopted) return null;
  adopted.session.sayResumed();
  await beginAnew(peer, adopted, request);
  return adopted.session;
}

/** A client that was told only a part cannot resume as if it had been told all: then the session ends. */
async function beginAnew(
  peer: Peer,
  { session, presences }: { readonly session: GatewaySession; readonly presences: boolean },
  request: Request,
): Promise<void> {
  try {
    await hold(peer, session, request);
    if (presences) await tellAll(peer, session);
  } catch (error) {
    peer.context.sessions.end(session);
    throw error;
  }
}

/** From how everybody is now. */
async function tellAll({ context: { audience, encoder } }: Peer, session: GatewaySession): Promise<void> {
  const feed = new ContactFeed(encoder, (event) => session.dispatch(event));
  const watch = await audience.watch(session.person, feed);
  session.feedFrom(watch);
  feed.begin(watch.sightings, true);
}

async function hold(peer: Peer, session: GatewaySession, { token }: Request): Promise<void> {
  const taken = session.lease.take(false);
  peer.hold(session, token);
  await taken;
}
