import type { FastifyInstance } from 'fastify';
import { decodeListChange } from '../../../protocols/matrix/codec.ts';
import { demandWrite } from '../../../admission/gate.ts';
import { parseJson } from '../../http/json-body.ts';
import { callerOf } from '../auth.ts';
import type { ApiVersion, MatrixContext, UserParams } from '../context.ts';
import { addressesOf, demandSelf } from '../users.ts';

/** Matrix v1 §presence: POST list. */
export function postList(
  app: FastifyInstance,
  { root, authenticate }: ApiVersion,
  context: Pick<MatrixContext, 'contacts' | 'people' | 'network' | 'gate'>,
): void {
  app.post<UserParams>(`${root}/presence/list/:userId`, { onRequest: authenticate }, async (request) => {
    const { person, metered } = callerOf(request);
    await demandSelf(context, person, request.params.userId);
    if (metered) await demandWrite(context.gate, person);
    const { invite, drop } = decodeListChange(parseJson(request.body));
    await context.contacts.change(person, addressesOf(context, invite), addressesOf(context, drop));
    return {};
  });
}
