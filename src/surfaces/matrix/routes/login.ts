import type { FastifyInstance } from 'fastify';
import { BridgeError } from '../../../presence/errors.ts';
import { loginFlows } from '../../../protocols/matrix/wire.ts';
import type { Documentation } from '../../http/documentation.ts';
import type { ApiVersion } from '../context.ts';

const flows: Documentation = {
  summary: 'How to log in, which is not at all',
  tags: ['account'],
  response: { 200: loginFlows.describe('No way') },
  open: true,
};
const refused: Documentation = {
  summary: 'Refused: tokens are given out by the operator',
  tags: ['account'],
  response: {},
  errors: ['forbidden'],
  open: true,
};

/** Matrix §login: there is nothing to log in with. */
export function login(app: FastifyInstance, { root }: ApiVersion): void {
  app.get(`${root}/login`, { exposeHeadRoute: true, config: { documentation: flows } }, () => ({
    flows: [],
  }));
  app.post(`${root}/login`, { config: { documentation: refused } }, () => {
    throw new BridgeError('forbidden', 'Tokens are given out by the operator of this bridge');
  });
}
