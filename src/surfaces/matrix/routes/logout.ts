import type { FastifyInstance } from 'fastify';
import { emptyAnswer } from '../../../protocols/matrix/wire.ts';
import type { Documentation } from '../../http/documentation.ts';
import { callerOf } from '../auth.ts';
import type { ApiVersion, MatrixContext } from '../context.ts';

const ANSWER = { 200: emptyAnswer.describe('They are revoked') };
const one: Documentation = { summary: 'Revoke this token', tags: ['account'], response: ANSWER };
const all: Documentation = {
  summary: 'Revoke all your tokens of this API',
  tags: ['account'],
  response: ANSWER,
};

/** Matrix §logout: POST logout and POST logout/all. Her tokens of other networks stay. */
export function logout(
  app: FastifyInstance,
  { root, authenticate }: ApiVersion,
  { tokens, network }: Pick<MatrixContext, 'tokens' | 'network'>,
): void {
  app.post(`${root}/logout`, { onRequest: authenticate, config: { documentation: one } }, async (request) => {
    const { person, token } = callerOf(request);
    await tokens.revoke(person, token);
    return {};
  });

  app.post(
    `${root}/logout/all`,
    { onRequest: authenticate, config: { documentation: all } },
    async (request) => {
      const { person } = callerOf(request);
      const hers = await tokens.list(person);
      for (const { id, network: of } of hers) if (of === network.name) await tokens.revoke(person, id);
      return {};
    },
  );
}
