import { z } from 'zod';
import type { BridgeApp, BridgeContext } from '../context.ts';
import { encodePerson, findPerson, personIdParams, personSchema, profileFields } from '../schemas.ts';

export function editPerson(
  app: BridgeApp,
  { people, networks }: Pick<BridgeContext, 'people' | 'networks'>,
): void {
  app.patch('/people/:id', {
    schema: {
      summary: 'Change a profile; what is absent stays, null clears',
      tags: ['people'],
      params: personIdParams,
      body: z.object({ ...profileFields }),
      response: { 200: personSchema(networks) },
    },
    handler: async (request) => {
      const { display_name, avatar_url, visibility } = request.body;
      const { id } = await findPerson(people, networks, request.params.id);
      const person = await people.edit(id, {
        ...(display_name === undefined ? {} : { displayName: display_name }),
        ...(avatar_url === undefined ? {} : { avatarUrl: avatar_url }),
        ...(visibility === undefined ? {} : { visibility }),
      });
      return encodePerson(person, networks);
    },
  });
}
