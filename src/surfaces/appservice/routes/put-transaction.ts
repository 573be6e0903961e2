import type { FastifyInstance } from 'fastify';
import { parseJson } from '../../http/json-body.ts';
import type { AppserviceApi, AppserviceContext } from '../context.ts';

/** Largest transaction, bytes: homeservers send up to 100 events, of 64 KiB each at most, and as many ephemeral ones. */
const BODY_LIMIT = 10 * 1024 * 1024;

/** Matrix §application services: PUT transactions. Any other answer than 200 makes the homeserver send it again. */
export function putTransaction(
  app: FastifyInstance,
  { root, authenticate }: AppserviceApi,
  { receiver }: Pick<AppserviceContext, 'receiver'>,
): void {
  const options = { onRequest: authenticate, bodyLimit: BODY_LIMIT };
  app.put<{ Params: { txnId: string } }>(`${root}/transactions/:txnId`, options, async (request) => {
    await receiver.receive(request.params.txnId, parseJson(request.body));
    return {};
  });
}
