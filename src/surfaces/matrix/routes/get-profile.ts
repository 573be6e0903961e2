import type { FastifyInstance } from 'fastify';
import { BridgeError } from '../../../presence/errors.ts';
import { encodeProfile } from '../../../protocols/matrix/codec.ts';
import { callerOf } from '../auth.ts';
import type { ApiVersion, MatrixContext, UserParams } from '../context.ts';
import { findUser, viewOf } from '../users.ts';

/** Matrix §profiles: GET profile. Who may see her presence may see her profile. */
export function getProfile(
  app: FastifyInstance,
  { root, authenticate }: ApiVersion,
  context: Pick<MatrixContext, 'people' | 'network' | 'presence'>,
): void {
  const url = `${root}/profile/:userId`;
  app.get<UserParams>(url, { onRequest: authenticate, exposeHeadRoute: true }, async (request) => {
    const target = await findUser(context, request.params.userId);
    const view = target && (await viewOf(context, callerOf(request).person, target));
    if (!view) throw new BridgeError('not_found', 'No such profile');
    return encodeProfile(target);
  });
}
