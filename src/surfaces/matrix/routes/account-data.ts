import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { BridgeError } from '../../../presence/errors.ts';
import type { Documentation } from '../../http/documentation.ts';
import { callerOf } from '../auth.ts';
import type { ApiVersion, MatrixContext, UserParams } from '../context.ts';
import { userParams } from '../context.ts';
import { demandSelf } from '../users.ts';

const documentation: Documentation = {
  summary: 'Account data, of which nobody has any',
  tags: ['around'],
  params: userParams.extend({ type: z.string() }),
  response: {},
  errors: ['not_found'],
};

/** Matrix §client config: GET account_data. Nobody has any here. */
export function accountData(
  app: FastifyInstance,
  { root, authenticate }: ApiVersion,
  context: Pick<MatrixContext, 'people' | 'network'>,
): void {
  const url = `${root}/user/:userId/account_data/:type`;
  app.get<UserParams>(
    url,
    { onRequest: authenticate, exposeHeadRoute: true, config: { documentation } },
    async (request) => {
      await demandSelf(context, callerOf(request).person, request.params.userId);
      throw new BridgeError('not_found', 'No account data is kept here');
    },
  );
}
