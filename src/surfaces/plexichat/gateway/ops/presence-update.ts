import { BridgeError } from '../../../../presence/errors.ts';
import { GatewayFault } from '../../../../protocols/plexichat/close-codes.ts';
import { decodePresenceUpdate } from '../../../../protocols/plexichat/frames.ts';
import { isSeen } from '../counters.ts';
import type { GatewayContext } from '../peer.ts';
import type { GatewaySession } from '../session.ts';

/** Op 3. Stored like a PUT and metered with it. There is no way to answer, so a wrong one is only noted. */
export async function presenceUpdate(
  { person }: GatewaySession,
  d: unknown,
  context: GatewayContext,
): Promise<void> {
  const { gate, presence, counters } = context;
  if (!(await gate.meter(person)).allowed) throw new GatewayFault('rate_limited');
  const write = readUpdate(d);
  if (!(write instanceof BridgeError)) {
    await presence.write(person, write);
    return;
  }
  // Whoever others believe to be away leaves no trace above debug, and is not counted (semantics §6).
  const seen = await isSeen(person, context);
  if (seen) counters.invalidPresences.inc();
  context.log[seen ? 'info' : 'debug'](
    { code: write.code, reason: write.message },
    'ignored a wrong presence update',
  );
}

function readUpdate(d: unknown): ReturnType<typeof decodePresenceUpdate> | BridgeError {
  try {
    return decodePresenceUpdate(d);
  } catch (error) {
    if (error instanceof BridgeError) return error;
    throw error;
  }
}
