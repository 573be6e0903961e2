import { z } from 'zod';
import type { PersonId } from '../../../presence/identity.ts';
import type { BridgeApp, BridgeContext } from '../context.ts';
import { encodePerson, personSchema } from '../schemas.ts';

export function listPeople(
  app: BridgeApp,
  { people, networks }: Pick<BridgeContext, 'people' | 'networks'>,
): void {
  app.get('/people', {
    schema: {
      summary: 'A page of people',
      tags: ['people'],
      querystring: z.object({
        cursor: z.string().optional().describe('`next_cursor` of the page before'),
        limit: z.coerce.number().int().min(1).max(1000).default(100),
      }),
      response: {
        200: z.object({
          people: z.array(personSchema(networks)),
          next_cursor: z.string().nullable().describe('Null on the last page'),
        }),
      },
    },
    handler: async (request) => {
      const { cursor, limit } = request.query;
      const page = await people.page((cursor as PersonId | undefined) ?? null, limit + 1);
      const shown = page.slice(0, limit);
      return {
        people: shown.map((person) => encodePerson(person, networks)),
        next_cursor: page.length > limit ? (shown.at(-1)?.id ?? null) : null,
      };
    },
  });
}
