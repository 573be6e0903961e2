import type { FastifyInstance } from 'fastify';
import { decodeListChange } from '../../../protocols/matrix/codec.ts';
import { demandWrite } from '../../../admission/gate.ts';
import { emptyAnswer, listBody } from '../../../protocols/matrix/wire.ts';
import { parseJson } from '../../http/json-body.ts';
import type { Documentation } from '../../http/documentation.ts';
import { callerOf } from '../auth.ts';
import type { ApiVersion, MatrixContext, UserParams } from '../context.ts';
import { userParams } from '../context.ts';
import { addressesOf, demandSelf } from '../users.ts';

const documentation: Documentation = {
  summary: 'Invite users to your presence list, drop others',
  tags: ['presence'],
  params: userParams,
  body: listBody,
  response: { 200: emptyAnswer.describe('They are') },
  errors: ['limit_reached'],
};

/** Matrix v1 §presence: POST list. */
export function postList(
  app: FastifyInstance,
  { root, authenticate }: ApiVersion,
  context: Pick<MatrixContext, 'contacts' | 'people' | 'network' | 'gate'>,
): void {
  app.post<UserParams>(
    `${root}/presence/list/:userId`,
    { onRequest: authenticate, config: { documentation } },
    async (request) => {
      const { person, metered } = callerOf(request);
      await demandSelf(context, person, request.params.userId);
      if (metered) await demandWrite(context.gate, person);
      const { invite, drop } = decodeListChange(parseJson(request.body));
      await context.contacts.change(person, addressesOf(context, invite), addressesOf(context, drop));
      return {};
    },
  );
}
