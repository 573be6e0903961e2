import { GatewayFault } from '../../../../protocols/plexichat/close-codes.ts';
import { decodeResume, INVALID_SESSION } from '../../../../protocols/plexichat/frames.ts';
import { countSeen } from '../counters.ts';
import type { Peer } from '../peer.ts';
import { admit } from '../peer.ts';

/** Op 6. Takes up a session by any live token of the same person; what was missed is sent in order. */
export async function resume(peer: Peer, d: unknown): Promise<void> {
  const { counters, sessions } = peer.context;
  if (peer.session) throw new GatewayFault('already_authenticated');
  const request = decodeResume(d);
  const person = request && (await admit(peer, request.token));
  const session = person && sessions.resume(request.session_id, person, request.seq, peer);
  if (!session) {
    peer.send(INVALID_SESSION);
    return;
  }
  const taken = session.lease.take(false);
  peer.hold(session, request.token);
  await taken;
  await countSeen(counters.resumed, session.person, peer.context);
}
