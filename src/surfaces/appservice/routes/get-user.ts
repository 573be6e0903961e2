import type { FastifyInstance } from 'fastify';
import { BridgeError } from '../../../presence/errors.ts';
import type { AppserviceApi, AppserviceContext } from '../context.ts';

/** Matrix §application services: GET users. Asked when somebody invites a user whom the homeserver does not know. */
export function getUser(
  app: FastifyInstance,
  { root, authenticate }: AppserviceApi,
  { network, provideStandIn }: Pick<AppserviceContext, 'network' | 'provideStandIn'>,
): void {
  const url = `${root}/users/:userId`;
  app.get<{ Params: { userId: string } }>(url, { onRequest: authenticate }, async (request) => {
    const id = network.parseId(request.params.userId);
    if (id !== null && network.isStandIn(id) && (await provideStandIn(id))) return {};
    throw new BridgeError('not_found', 'No such user');
  });
}
