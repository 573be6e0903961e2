import type { FastifyInstance } from 'fastify';
import { BridgeError } from '../../../presence/errors.ts';
import { encodeProfile } from '../../../protocols/matrix/codec.ts';
import { profileAnswer } from '../../../protocols/matrix/wire.ts';
import type { Documentation } from '../../http/documentation.ts';
import { callerOf } from '../auth.ts';
import type { ApiVersion, MatrixContext, UserParams } from '../context.ts';
import { userParams } from '../context.ts';
import { findUser, viewOf } from '../users.ts';

const documentation: Documentation = {
  summary: 'Name and picture of a user whom you may see',
  tags: ['account'],
  params: userParams,
  response: { 200: profileAnswer.describe('What is known') },
  errors: ['not_found'],
};

/** Matrix §profiles: GET profile. Who may see her presence may see her profile. */
export function getProfile(
  app: FastifyInstance,
  { root, authenticate }: ApiVersion,
  context: Pick<MatrixContext, 'people' | 'network' | 'presence'>,
): void {
  const url = `${root}/profile/:userId`;
  app.get<UserParams>(
    url,
    { onRequest: authenticate, exposeHeadRoute: true, config: { documentation } },
    async (request) => {
      const target = await findUser(context, request.params.userId);
      const view = target && (await viewOf(context, callerOf(request).person, target));
      if (!view) throw new BridgeError('not_found', 'No such profile');
      return encodeProfile(target);
    },
  );
}
