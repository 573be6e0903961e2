import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import { BridgeError } from '../../../presence/errors.ts';
import type { Documentation } from '../../http/documentation.ts';
import type { AppserviceApi } from '../context.ts';

const documentation: Documentation = {
  summary: 'Whether a room has this alias, which none has',
  tags: ['queries'],
  params: z.object({ roomAlias: z.string() }),
  response: {},
  errors: ['not_found'],
};

/** Matrix §application services: GET rooms. No room is made because somebody asks for its alias. */
export function getRoom(app: FastifyInstance, { root, authenticate }: AppserviceApi): void {
  app.get(`${root}/rooms/:roomAlias`, { onRequest: authenticate, config: { documentation } }, () => {
    throw new BridgeError('not_found', 'No such room');
  });
}
