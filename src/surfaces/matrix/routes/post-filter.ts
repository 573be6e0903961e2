import type { FastifyInstance } from 'fastify';
import { encodeFilterId, filterBody } from '../../../protocols/matrix/filter.ts';
import { filterIdAnswer } from '../../../protocols/matrix/wire.ts';
import { parseJson } from '../../http/json-body.ts';
import type { Documentation } from '../../http/documentation.ts';
import { callerOf } from '../auth.ts';
import type { ApiVersion, MatrixContext, UserParams } from '../context.ts';
import { userParams } from '../context.ts';
import { demandSelf } from '../users.ts';

const documentation: Documentation = {
  summary: 'An id for a filter',
  tags: ['streams'],
  params: userParams,
  body: filterBody,
  response: { 200: filterIdAnswer.describe('The id, which holds the whole filter') },
};

/** Matrix §filtering: POST filter. Stores nothing: the id says it all. */
export function postFilter(
  app: FastifyInstance,
  { root, authenticate }: ApiVersion,
  context: Pick<MatrixContext, 'people' | 'network'>,
): void {
  app.post<UserParams>(
    `${root}/user/:userId/filter`,
    { onRequest: authenticate, config: { documentation } },
    async (request) => {
      await demandSelf(context, callerOf(request).person, request.params.userId);
      return { filter_id: encodeFilterId(parseJson(request.body)) };
    },
  );
}
