import type { FastifyInstance } from 'fastify';
import { BridgeError } from '../../../presence/errors.ts';
import type { AppserviceApi } from '../context.ts';

/** Matrix §application services: GET rooms. No room is made because somebody asks for its alias. */
export function getRoom(app: FastifyInstance, { root, authenticate }: AppserviceApi): void {
  app.get(`${root}/rooms/:roomAlias`, { onRequest: authenticate }, () => {
    throw new BridgeError('not_found', 'No such room');
  });
}
