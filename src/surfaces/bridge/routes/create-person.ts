import { z } from 'zod';
import { OPERATOR } from '../../../presence/audit.ts';
import type { BridgeApp, BridgeContext } from '../context.ts';
import { encodePerson, idFields, personSchema, profileFields, readIds } from '../schemas.ts';

export function createPerson(
  app: BridgeApp,
  { people, networks, defaultVisibility }: Pick<BridgeContext, 'people' | 'networks' | 'defaultVisibility'>,
): void {
  app.post('/people', {
    config: { errors: ['conflict'] },
    schema: {
      summary: 'Make a person of one account or two',
      tags: ['people'],
      body: z.object({ ...profileFields }).and(z.object(idFields(networks))),
      response: { 201: personSchema(networks) },
    },
    handler: async (request, reply) => {
      const { display_name, avatar_url, visibility } = request.body;
      const profile = {
        displayName: display_name ?? null,
        avatarUrl: avatar_url ?? null,
        visibility: visibility ?? defaultVisibility,
      };
      const person = await people.create(readIds(request.body, networks), profile, OPERATOR);
      return reply.code(201).send(encodePerson(person, networks));
    },
  });
}
