import { z } from 'zod';
import { OPERATOR } from '../../../presence/audit.ts';
import type { BridgeApp, BridgeContext } from '../context.ts';
import { findPerson } from '../schemas.ts';

const params = z.object({
  id: z.string().describe('Who blocks'),
  other: z.string().describe('Who is blocked'),
});

export function blocks(
  app: BridgeApp,
  { people, contacts, networks }: Pick<BridgeContext, 'people' | 'contacts' | 'networks'>,
): void {
  for (const [method, value, summary] of [
    ['PUT', true, 'Block somebody: each is hidden from the other at once'],
    ['DELETE', false, 'Lift a block'],
  ] as const) {
    app.route({
      method,
      url: '/people/:id/blocks/:other',
      schema: { summary, tags: ['people'], params, response: { 204: z.undefined().describe('Done') } },
      handler: async (request, reply) => {
        const blocker = await findPerson(people, networks, request.params.id);
        const blocked = await findPerson(people, networks, request.params.other);
        await contacts.block(blocker.id, blocked.id, value, OPERATOR);
        return reply.code(204).send();
      },
    });
  }
}
