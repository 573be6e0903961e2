import type { FastifyInstance } from 'fastify';
import { idOn } from '../../../presence/network.ts';
import { encodeUser } from '../../../protocols/plexichat/codec.ts';
import { wireUser } from '../../../protocols/plexichat/wire.ts';
import type { Documentation } from '../../http/documentation.ts';
import { authenticate } from '../auth.ts';
import type { PlexichatContext } from '../context.ts';
import { ME } from '../context.ts';

const documentation: Documentation = {
  summary: 'Who the token belongs to',
  tags: ['users'],
  response: { 200: wireUser.describe('The caller') },
};

/** Plexichat users: who a token belongs to. */
export function getMe(app: FastifyInstance, context: PlexichatContext): void {
  const { people, network, dialectSetting } = context;

  app.get(`/users/${ME}`, { config: { documentation } }, async (request) => {
    const caller = await authenticate(request, context);
    const person = await people.get(caller.person);
    return encodeUser(idOn(person, network), person, dialectSetting);
  });
}
