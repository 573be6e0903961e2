import type { FastifyInstance } from 'fastify';
import { BridgeError } from '../../../presence/errors.ts';
import { idOn } from '../../../presence/network.ts';
import { decodePresence, encodePresence } from '../../../protocols/plexichat/codec.ts';
import { authenticate } from '../auth.ts';
import { readBody } from '../body.ts';
import type { PlexichatContext, UserParams } from '../context.ts';
import { ME } from '../context.ts';
import { demandBudget } from '../rate-limit.ts';

/** Plexichat presence: PUT. The order of the checks is the server's. */
export function putPresence(app: FastifyInstance, context: PlexichatContext): void {
  const { presence, people, gate, clock, network, dialectSetting } = context;

  app.put<UserParams>('/users/:userId/presence', async (request, reply) => {
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
