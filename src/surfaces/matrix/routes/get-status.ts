import type { FastifyInstance } from 'fastify';
import { BridgeError } from '../../../presence/errors.ts';
import { encodePresence } from '../../../protocols/matrix/codec.ts';
import { callerOf } from '../auth.ts';
import type { ApiVersion, MatrixContext, UserParams } from '../context.ts';
import { findUser, viewOf } from '../users.ts';

/** Matrix v1 §presence: GET status. */
export function getStatus(
  app: FastifyInstance,
  { root, dialect, authenticate }: ApiVersion,
  context: Pick<MatrixContext, 'presence' | 'people' | 'network' | 'clock'>,
): void {
  const path = `${root}/presence/:userId/status`;
  for (const url of [path, `${path}/`]) {
    app.get<UserParams>(url, { onRequest: authenticate, exposeHeadRoute: true }, async (request) => {
      const target = await findUser(context, request.params.userId);
      const view = target && (await viewOf(context, callerOf(request).person, target));
      if (!view) throw new BridgeError('not_found');
      return encodePresence(view, dialect, context.clock.now());
    });
  }
}
