import { z } from 'zod';
import { OPERATOR } from '../../../presence/audit.ts';
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
      const patch = {
        ...(display_name === undefined ? {} : { displayName: display_name }),
        ...(avatar_url === undefined ? {} : { avatarUrl: avatar_url }),
        ...(visibility === undefined ? {} : { visibility }),
      };
      const person = await people.edit(id, patch, OPERATOR);
      return encodePerson(person, networks);
    },
  });
}
