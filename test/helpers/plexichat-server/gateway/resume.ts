import type { Connection } from './connection.ts';
import { isObject } from './frames.ts';
import type { Session } from './sessions.ts';

/** Op 6: takes a session over, or answers op 9 and leaves the socket open (contract §3.8). */
export function resume(connection: Connection, d: unknown): void {
  const { context } = connection;
  if (!d || (typeof d === 'object' && Object.keys(d).length === 0)) {
    connection.close(4002);
    return;
  }
  if (!isObject(d)) {
    connection.crash();
    return;
  }
  const { token, session_id: sessionId, seq = 0 } = d;
  const session = context.faults.takeInvalid() ? null : find(connection, token, sessionId);
  const accepted = session !== null && isSeq(seq);
  context.resumes.push({ sessionId, seq, accepted, at: context.settings.clock.now() });
  if (!accepted) connection.send('{"op":9,"d":false}');
  else takeOver(connection, session, seq);
}

function takeOver(connection: Connection, session: Session, seq: number): void {
  for (const other of connection.context.connections) {
    if (other !== connection && other.session === session) other.takenOver();
  }
  connection.session = session;
  session.resume(connection, seq);
}

/** Any good token of the same user will do. Nothing is counted towards the cap on verifications. */
function find({ context }: Connection, token: unknown, sessionId: unknown): Session | null {
  const verified = context.accounts.verify(typeof token === 'string' ? token : '');
  const session = context.sessions.get(typeof sessionId === 'string' ? sessionId : '');
  if ('message' in verified || session?.userId !== verified.identity.userId) return null;
  return session.resumable ? session : null;
}

function isSeq(seq: unknown): seq is number {
  return typeof seq === 'number' && Number.isInteger(seq) && seq >= 0;
}
