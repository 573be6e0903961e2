import type { FastifyInstance } from 'fastify';
import { emptyAnswer } from '../../../protocols/matrix/wire.ts';
import type { Documentation } from '../../http/documentation.ts';
import type { AppserviceApi } from '../context.ts';

const documentation: Documentation = {
  summary: 'Whether the bridge is reached',
  tags: ['transactions'],
  response: { 200: emptyAnswer.describe('It is') },
};

/** Matrix §application services: POST ping, by which the homeserver shows that it reaches the bridge. */
export function postPing(app: FastifyInstance, { root, authenticate }: AppserviceApi): void {
  app.post(`${root}/ping`, { onRequest: authenticate, config: { documentation } }, () => ({}));
}
