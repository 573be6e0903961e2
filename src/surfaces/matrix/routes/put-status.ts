import type { FastifyInstance } from 'fastify';
import { decodePresence } from '../../../protocols/matrix/codec.ts';
import { demandWrite } from '../../../admission/gate.ts';
import { parseJson } from '../../http/json-body.ts';
import { callerOf } from '../auth.ts';
import type { ApiVersion, MatrixContext, UserParams } from '../context.ts';
import { demandSelf } from '../users.ts';

/** Matrix v1 §presence: PUT status. */
export function putStatus(
  app: FastifyInstance,
  { root, dialect, authenticate }: ApiVersion,
  context: Pick<MatrixContext, 'presence' | 'people' | 'network' | 'gate'>,
): void {
  const path = `${root}/presence/:userId/status`;
  for (const url of [path, `${path}/`]) {
    app.put<UserParams>(url, { onRequest: authenticate }, async (request) => {
      const { person, metered } = callerOf(request);
      await demandSelf(context, person, request.params.userId);
      if (metered) await demandWrite(context.gate, person);
      await context.presence.write(person, decodePresence(parseJson(request.body), dialect));
      return {};
    });
  }
}
