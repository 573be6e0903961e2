import { OPS } from '../../../../protocols/plexichat/frames.ts';
import type { GatewayContext, Peer } from '../peer.ts';
import type { GatewaySession } from '../session.ts';
import { heartbeat } from './heartbeat.ts';
import { identify } from './identify.ts';
import { presenceUpdate } from './presence-update.ts';
import { requestMembers } from './request-members.ts';
import { resume } from './resume.ts';
import { typing } from './typing.ts';

/** Handlers throw a fault to end the socket; anything else that they throw is trouble of ours. */
type Result = Promise<void> | void;

/** What a client may send at any time. */
export const OPEN_OPS: ReadonlyMap<number, (peer: Peer, d: unknown) => Result> = new Map([
  [OPS.heartbeat, heartbeat],
  [OPS.identify, identify],
  [OPS.resume, resume],
]);

type SessionHandler = (session: GatewaySession, d: unknown, context: GatewayContext) => Result;

/** What a client may send once it has a session. */
export const SESSION_OPS: ReadonlyMap<number, SessionHandler> = new Map<number, SessionHandler>([
  [OPS.presenceUpdate, presenceUpdate],
  [OPS.requestMembers, requestMembers],
  [OPS.typingStart, typing],
  [OPS.typingStop, typing],
  ...[OPS.voiceState, ...OPS.voice, ...OPS.artifacts].map((op) => [op, ignore] as const),
]);

/** Accepted, because a client of the real server may send it, and without meaning here. */
function ignore(): void {
  return;
}
