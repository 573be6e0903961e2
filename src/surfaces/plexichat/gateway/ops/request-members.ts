import { checkGuild } from '../../../../protocols/plexichat/frames.ts';
import type { GatewaySession } from '../session.ts';

/** Op 8. Nobody is in a guild here, and non-members are not answered. */
export function requestMembers(_session: GatewaySession, d: unknown): void {
  checkGuild(d);
}
