import type { BridgeApp, BridgeContext } from '../context.ts';
import { encodePerson, findPerson, personIdParams, personSchema } from '../schemas.ts';

export function getPerson(
  app: BridgeApp,
  { people, networks }: Pick<BridgeContext, 'people' | 'networks'>,
): void {
  app.get('/people/:id', {
    schema: {
      summary: 'One person, by her id here or on any network',
      tags: ['people'],
      params: personIdParams,
      response: { 200: personSchema(networks) },
    },
    handler: async (request) => encodePerson(await findPerson(people, networks, request.params.id), networks),
  });
}
