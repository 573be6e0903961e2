import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { BridgeError } from '../../../presence/errors.ts';
import { emptyAnswer } from '../../../protocols/matrix/wire.ts';
import type { Documentation } from '../../http/documentation.ts';
import type { AppserviceApi, AppserviceContext } from '../context.ts';

const documentation: Documentation = {
  summary: 'Whether somebody answers by this id',
  tags: ['queries'],
  params: z.object({ userId: z.string() }),
  response: { 200: emptyAnswer.describe('She does, and the homeserver has been told of her') },
  errors: ['not_found', 'upstream_unavailable', 'store_unavailable'],
};

/** Matrix §application services: GET users. Asked when somebody invites a user whom the homeserver does not know. */
export function getUser(
  app: FastifyInstance,
  { root, authenticate }: AppserviceApi,
  { network, provideStandIn }: Pick<AppserviceContext, 'network' | 'provideStandIn'>,
): void {
  const url = `${root}/users/:userId`;
  app.get<{ Params: { userId: string } }>(
    url,
    { onRequest: authenticate, config: { documentation } },
    async (request) => {
      const id = network.parseId(request.params.userId);
      if (id !== null && network.isStandIn(id) && (await provideStandIn(id))) return {};
      throw new BridgeError('not_found', 'No such user');
    },
  );
}
