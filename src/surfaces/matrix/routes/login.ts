import type { FastifyInstance } from 'fastify';
import { BridgeError } from '../../../presence/errors.ts';
import type { ApiVersion } from '../context.ts';

/** Matrix §login: there is nothing to log in with. */
export function login(app: FastifyInstance, { root }: ApiVersion): void {
  app.get(`${root}/login`, { exposeHeadRoute: true }, () => ({ flows: [] }));
  app.post(`${root}/login`, () => {
    throw new BridgeError('forbidden', 'Tokens are given out by the operator of this bridge');
  });
}
