import type { FastifyInstance } from 'fastify';
import { decodePresence } from '../../../protocols/matrix/codec.ts';
import { demandWrite } from '../../../admission/gate.ts';
import { emptyAnswer, presenceBody } from '../../../protocols/matrix/wire.ts';
import { parseJson } from '../../http/json-body.ts';
import type { Documentation } from '../../http/documentation.ts';
import { callerOf } from '../auth.ts';
import type { ApiVersion, MatrixContext, UserParams } from '../context.ts';
import { userParams } from '../context.ts';
import { demandSelf } from '../users.ts';

const documentation: Documentation = {
  summary: 'Set your presence',
  tags: ['presence'],
  params: userParams,
  body: presenceBody,
  response: { 200: emptyAnswer.describe('It is') },
};

/** Matrix v1 §presence: PUT status. */
export function putStatus(
  app: FastifyInstance,
  { root, dialect, authenticate }: ApiVersion,
  context: Pick<MatrixContext, 'presence' | 'people' | 'network' | 'gate'>,
): void {
  const path = `${root}/presence/:userId/status`;
  for (const url of [path, `${path}/`]) {
    const config = url === path ? { documentation } : {};
    app.put<UserParams>(url, { onRequest: authenticate, config }, async (request) => {
      const { person, metered } = callerOf(request);
      await demandSelf(context, person, request.params.userId);
      if (metered) await demandWrite(context.gate, person);
      await context.presence.write(person, decodePresence(parseJson(request.body), dialect));
      return {};
    });
  }
}
