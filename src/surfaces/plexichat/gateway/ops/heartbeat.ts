import { HEARTBEAT_ACK } from '../../../../protocols/plexichat/frames.ts';
import type { Peer } from '../peer.ts';

/** Op 1. Answered before IDENTIFY as well; afterwards it keeps her present. */
export async function heartbeat(peer: Peer): Promise<void> {
  peer.beat();
  peer.send(HEARTBEAT_ACK);
  await peer.session?.lease.beat();
}
