import type { FastifyInstance } from 'fastify';
import { BridgeError } from '../../../presence/errors.ts';
import { idOn } from '../../../presence/network.ts';
import { decodePresence, encodePresence } from '../../../protocols/plexichat/codec.ts';
import { presenceBody, wirePresence } from '../../../protocols/plexichat/wire.ts';
import type { Documentation } from '../../http/documentation.ts';
import { authenticate } from '../auth.ts';
import { readBody } from '../body.ts';
import type { PlexichatContext, UserParams } from '../context.ts';
import { ME, userParams } from '../context.ts';
import { demandBudget } from '../rate-limit.ts';

const documentation: Documentation = {
  summary: 'Set the presence of the caller',
  tags: ['presence'],
  params: userParams,
  body: presenceBody,
  response: { 200: wirePresence.describe('As the caller sees it now') },
  errors: ['wrong_method', 'bad_parameter'],
};

/** Plexichat presence: PUT. The order of the checks is the server's. */
export function putPresence(app: FastifyInstance, context: PlexichatContext): void {
  const { presence, people, gate, clock, network, dialectSetting } = context;

  app.put<UserParams>('/users/:userId/presence', { config: { documentation } }, async (request, reply) => {
    if (request.params.userId !== ME) {
      void reply.header('allow', 'GET');
      throw new BridgeError('wrong_method'); // semantics §4.6
    }
    const body = readBody(request);
    const caller = await authenticate(request, context);
    demandBudget(reply, await gate.meter(caller.person), clock.now());
    const write = decodePresence(body);
    const person = await people.get(caller.person);
    const own = await presence.write(person.id, write);
    return encodePresence(idOn(person, network), own, dialectSetting);
  });
}
