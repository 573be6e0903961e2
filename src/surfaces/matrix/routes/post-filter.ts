import type { FastifyInstance } from 'fastify';
import { encodeFilterId } from '../../../protocols/matrix/filter.ts';
import { parseJson } from '../../http/json-body.ts';
import { callerOf } from '../auth.ts';
import type { ApiVersion, MatrixContext, UserParams } from '../context.ts';
import { demandSelf } from '../users.ts';

/** Matrix §filtering: POST filter. Stores nothing: the id says it all. */
export function postFilter(
  app: FastifyInstance,
  { root, authenticate }: ApiVersion,
  context: Pick<MatrixContext, 'people' | 'network'>,
): void {
  app.post<UserParams>(`${root}/user/:userId/filter`, { onRequest: authenticate }, async (request) => {
    await demandSelf(context, callerOf(request).person, request.params.userId);
    return { filter_id: encodeFilterId(parseJson(request.body)) };
  });
}
