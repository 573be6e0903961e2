import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { transactionBody } from '../../../protocols/matrix/appservice.ts';
import { emptyAnswer } from '../../../protocols/matrix/wire.ts';
import type { Documentation } from '../../http/documentation.ts';
import { parseJson } from '../../http/json-body.ts';
import type { AppserviceApi, AppserviceContext } from '../context.ts';

/** Largest transaction, bytes: homeservers send up to 100 events, of 64 KiB each at most, and as many ephemeral ones. */
const BODY_LIMIT = 10 * 1024 * 1024;

const documentation: Documentation = {
  summary: 'Tell the bridge what has happened; it reads the presence in it',
  tags: ['transactions'],
  params: z.object({ txnId: z.string() }),
  body: transactionBody,
  response: { 200: emptyAnswer.describe('It need not be sent again') },
  errors: ['store_unavailable', 'upstream_unavailable'],
};

/** Matrix §application services: PUT transactions. Any other answer than 200 makes the homeserver send it again. */
export function putTransaction(
  app: FastifyInstance,
  { root, authenticate }: AppserviceApi,
  { receiver }: Pick<AppserviceContext, 'receiver'>,
): void {
  const options = { onRequest: authenticate, bodyLimit: BODY_LIMIT, config: { documentation } };
  app.put<{ Params: { txnId: string } }>(`${root}/transactions/:txnId`, options, async (request) => {
    await receiver.receive(request.params.txnId, parseJson(request.body));
    return {};
  });
}
