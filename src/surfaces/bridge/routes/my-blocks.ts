import { z } from 'zod';
import { demandWrite } from '../../../admission/gate.ts';
import { admitUser, userOf } from '../auth.ts';
import type { BridgeApp, BridgeContext } from '../context.ts';
import { acquaintanceSchema, addressOf, anyIdParams, encodeAcquaintance } from '../schemas.ts';

type Context = Pick<BridgeContext, 'gate' | 'people' | 'contacts' | 'networks'>;

/** Whom the caller has blocked. Nothing here tells whether somebody exists whom she may not see. */
export function myBlocks(app: BridgeApp, { gate, people, contacts, networks }: Context): void {
  const onRequest = admitUser(gate);

  app.get('/me/blocks', {
    onRequest,
    schema: {
      summary: 'Those whom you blocked and could see otherwise',
      tags: ['me'],
      response: { 200: z.object({ blocks: z.array(acquaintanceSchema(networks)) }) },
    },
    handler: async (request) => {
      const blocked = await contacts.blocked(userOf(request));
      return { blocks: blocked.map((person) => encodeAcquaintance(person, networks)) };
    },
  });

  for (const [method, value, summary] of [
    ['PUT', true, 'Block somebody by an id of hers: each is hidden from the other at once'],
    ['DELETE', false, 'Lift a block'],
  ] as const) {
    app.route({
      method,
      url: '/me/blocks/:id',
      onRequest,
      config: {
        errors: value ? ['bad_parameter', 'limit_reached', 'overloaded'] : ['bad_parameter', 'overloaded'],
      },
      schema: {
        summary,
        tags: ['me'],
        params: anyIdParams,
        response: { 204: z.undefined().describe('Done') },
      },
      handler: async (request, reply) => {
        const person = userOf(request);
        await demandWrite(gate, person);
        await contacts.blockAddress(person, await addressOf(people, networks, request.params.id), value);
        return reply.code(204).send();
      },
    });
  }
}
