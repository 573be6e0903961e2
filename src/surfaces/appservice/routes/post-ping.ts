import type { FastifyInstance } from 'fastify';
import type { AppserviceApi } from '../context.ts';

/** Matrix §application services: POST ping, by which the homeserver shows that it reaches the bridge. */
export function postPing(app: FastifyInstance, { root, authenticate }: AppserviceApi): void {
  app.post(`${root}/ping`, { onRequest: authenticate }, () => ({}));
}
