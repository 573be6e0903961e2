import { timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { BridgeError } from '../../presence/errors.ts';
import type { Caller } from '../../presence/tokens.ts';
import type { MatrixContext } from './context.ts';
import { findUser } from './users.ts';

/**
 * The stand-in as whom the holder of the `as_token` calls, named by `?user_id=`; null when the token is another one.
 * Throws `forbidden` for anybody but a stand-in (Matrix appservice §identity assertion).
 */
export async function masqueraded(
  request: FastifyRequest,
  token: string,
  { masquerade, people, network }: Pick<MatrixContext, 'masquerade' | 'people' | 'network'>,
): Promise<Caller | null> {
  if (!masquerade || !equal(masquerade.hash(token), masquerade.tokenHash)) return null;
  const userId = new URLSearchParams(/\?.*/s.exec(request.url)?.[0]).get('user_id') ?? '';
  const id = network.parseId(userId);
  const person = id !== null && network.isStandIn(id) ? await findUser({ people, network }, id) : null;
  if (!person) throw new BridgeError('forbidden', 'An application service speaks for its stand-ins only');
  return { person: person.id, network: network.name, deviceId: 'appservice' };
}

function equal(given: string, right: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(right)];
  return a.length === b.length && timingSafeEqual(a, b);
}
