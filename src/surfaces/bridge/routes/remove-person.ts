import { z } from 'zod';
import { OPERATOR } from '../../../presence/audit.ts';
import type { BridgeApp, BridgeContext } from '../context.ts';
import { findPerson, personIdParams } from '../schemas.ts';

export function removePerson(
  app: BridgeApp,
  { people, networks }: Pick<BridgeContext, 'people' | 'networks'>,
): void {
  app.delete('/people/:id', {
    schema: {
      summary: 'Forget a person: presence, tokens, contacts and blocks go with her',
      tags: ['people'],
      params: personIdParams,
      response: { 204: z.undefined().describe('Forgotten') },
    },
    handler: async (request, reply) => {
      const { id } = await findPerson(people, networks, request.params.id);
      await people.remove(id, OPERATOR);
      return reply.code(204).send();
    },
  });
}
