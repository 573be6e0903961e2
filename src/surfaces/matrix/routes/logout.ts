import type { FastifyInstance } from 'fastify';
import { callerOf } from '../auth.ts';
import type { ApiVersion, MatrixContext } from '../context.ts';

/** Matrix §logout: POST logout and POST logout/all. Her tokens of other networks stay. */
export function logout(
  app: FastifyInstance,
  { root, authenticate }: ApiVersion,
  { tokens, network }: Pick<MatrixContext, 'tokens' | 'network'>,
): void {
  app.post(`${root}/logout`, { onRequest: authenticate }, async (request) => {
    const { person, token } = callerOf(request);
    await tokens.revoke(person, token);
    return {};
  });

  app.post(`${root}/logout/all`, { onRequest: authenticate }, async (request) => {
    const { person } = callerOf(request);
    const hers = await tokens.list(person);
    for (const { id, network: of } of hers) if (of === network.name) await tokens.revoke(person, id);
    return {};
  });
}
