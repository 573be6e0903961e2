import { z } from 'zod';
import { BridgeError } from '../../../presence/errors.ts';
import type { Person, PersonId } from '../../../presence/identity.ts';
import type { BridgeApp, BridgeContext } from '../context.ts';
import { encodePerson, findPerson, personSchema } from '../schemas.ts';

/** How many people one request looks through for a name. */
const SEARCHED = 2000;

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
        search: z
          .string()
          .trim()
          .max(256)
          .optional()
          .describe('An id of hers, whole, or part of her name; a page then may be short, or empty'),
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
      const { cursor, search, limit } = request.query;
      const from = (cursor as PersonId | undefined) ?? null;
      if (search !== undefined && search !== '' && cursor === undefined) {
        const known = await findPerson(people, networks, search).catch(ifUnknown);
        if (known) return { people: [encodePerson(known, networks)], next_cursor: null };
      }
      const wanted = namesOf(search ?? '');
      const read = wanted === null ? limit : SEARCHED;
      const page = await people.page(from, read + 1);
      const looked = page.slice(0, read);
      const found = wanted === null ? looked : looked.filter(wanted);
      const shown = found.slice(0, limit);
      const cut = found.length > limit ? shown.at(-1) : looked.at(-1);
      const more = page.length > read || found.length > limit;
      return {
        people: shown.map((person) => encodePerson(person, networks)),
        next_cursor: more ? (cut?.id ?? null) : null,
      };
    },
  });
}

/** Whether somebody's name has that part; null when everybody is wanted. */
function namesOf(search: string): ((person: Person) => boolean) | null {
  if (search === '') return null;
  const part = search.toLocaleLowerCase();
  return ({ displayName }) => displayName?.toLocaleLowerCase().includes(part) ?? false;
}

function ifUnknown(error: unknown): null {
  if (error instanceof BridgeError && error.code === 'not_found') return null;
  throw error;
}
