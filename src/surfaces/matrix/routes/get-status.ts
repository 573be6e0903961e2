import type { FastifyInstance } from 'fastify';
import { BridgeError } from '../../../presence/errors.ts';
import { encodePresence } from '../../../protocols/matrix/codec.ts';
import { presenceContent } from '../../../protocols/matrix/wire.ts';
import type { Documentation } from '../../http/documentation.ts';
import { callerOf } from '../auth.ts';
import type { ApiVersion, MatrixContext, UserParams } from '../context.ts';
import { userParams } from '../context.ts';
import { findUser, viewOf } from '../users.ts';

const documentation: Documentation = {
  summary: 'The presence of a user whom you may see',
  tags: ['presence'],
  params: userParams,
  response: { 200: presenceContent.describe('How she is, or how you are') },
  errors: ['not_found'],
};

/** Matrix v1 §presence: GET status. */
export function getStatus(
  app: FastifyInstance,
  { root, dialect, authenticate }: ApiVersion,
  context: Pick<MatrixContext, 'presence' | 'people' | 'network' | 'clock'>,
): void {
  const path = `${root}/presence/:userId/status`;
  for (const url of [path, `${path}/`]) {
    const config = url === path ? { documentation } : {};
    app.get<UserParams>(url, { onRequest: authenticate, exposeHeadRoute: true, config }, async (request) => {
      const target = await findUser(context, request.params.userId);
      const view = target && (await viewOf(context, callerOf(request).person, target));
      if (!view) throw new BridgeError('not_found');
      return encodePresence(view, dialect, context.clock.now());
    });
  }
}
