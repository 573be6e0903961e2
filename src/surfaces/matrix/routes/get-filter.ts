import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { BridgeError } from '../../../presence/errors.ts';
import { decodeFilterId } from '../../../protocols/matrix/filter.ts';
import type { Documentation } from '../../http/documentation.ts';
import { callerOf } from '../auth.ts';
import type { ApiVersion, MatrixContext, UserParams } from '../context.ts';
import { userParams } from '../context.ts';
import { demandSelf } from '../users.ts';

const documentation: Documentation = {
  summary: 'The filter of an id',
  tags: ['streams'],
  params: userParams.extend({ filterId: z.string() }),
  response: { 200: z.looseObject({}).describe('As it was given') },
  errors: ['not_found'],
};

interface FilterParams {
  Params: UserParams['Params'] & { filterId: string };
}

/** Matrix §filtering: GET filter. */
export function getFilter(
  app: FastifyInstance,
  { root, authenticate }: ApiVersion,
  context: Pick<MatrixContext, 'people' | 'network'>,
): void {
  const url = `${root}/user/:userId/filter/:filterId`;
  app.get<FilterParams>(
    url,
    { onRequest: authenticate, exposeHeadRoute: true, config: { documentation } },
    async (request) => {
      await demandSelf(context, callerOf(request).person, request.params.userId);
      const filter = decodeFilterId(request.params.filterId);
      if (!filter) throw new BridgeError('not_found', 'No such filter');
      return filter;
    },
  );
}
