import type { FastifyInstance } from 'fastify';
import { BridgeError } from '../../../presence/errors.ts';
import { callerOf } from '../auth.ts';
import type { ApiVersion, MatrixContext, UserParams } from '../context.ts';
import { demandSelf } from '../users.ts';

/** Matrix §client config: GET account_data. Nobody has any here. */
export function accountData(
  app: FastifyInstance,
  { root, authenticate }: ApiVersion,
  context: Pick<MatrixContext, 'people' | 'network'>,
): void {
  const url = `${root}/user/:userId/account_data/:type`;
  app.get<UserParams>(url, { onRequest: authenticate, exposeHeadRoute: true }, async (request) => {
    await demandSelf(context, callerOf(request).person, request.params.userId);
    throw new BridgeError('not_found', 'No account data is kept here');
  });
}
