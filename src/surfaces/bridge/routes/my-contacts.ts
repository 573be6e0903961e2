import { z } from 'zod';
import { demandWrite } from '../../../admission/gate.ts';
import { admitUser, userOf } from '../auth.ts';
import type { BridgeApp, BridgeContext } from '../context.ts';
import { bridgeDialect } from '../dialect.ts';
import { addressOf, encodeAcquaintance, acquaintanceSchema, anyIdParams } from '../schemas.ts';

type Context = Pick<BridgeContext, 'gate' | 'presence' | 'people' | 'contacts' | 'networks'>;

/** The caller's contacts: one list for all networks (semantics §9). */
export function myContacts(app: BridgeApp, context: Context): void {
  const { gate, presence, people, contacts, networks } = context;
  const onRequest = admitUser(gate);
  const contact = acquaintanceSchema(networks).extend({
    mode: z.string(),
    text: z.string().nullable(),
    emoji: z.string().nullable(),
    last_active_at: z.number().int().nullable().describe('Milliseconds since 1970'),
  });

  app.get('/me/contacts', {
    onRequest,
    schema: {
      summary: 'Those of your contacts whom you may see, and how they are',
      tags: ['me'],
      response: { 200: z.object({ contacts: z.array(contact) }) },
    },
    handler: async (request) => {
      const reader = userOf(request);
      const listed = await contacts.list(reader);
      const seen = await Promise.all(
        listed.map(async (person) => {
          const shown = await presence.shown(reader, person);
          return (
            shown && {
              ...encodeAcquaintance(person, networks),
              mode: bridgeDialect.words[shown.mode],
              text: shown.status?.text ?? null,
              emoji: shown.status?.emoji ?? null,
              last_active_at: shown.lastActivity,
            }
          );
        }),
      );
      return { contacts: seen.filter((each) => each !== null) };
    },
  });

  for (const [method, listed, summary] of [
    ['PUT', true, 'Add somebody by an id of hers; whether she exists is not told'],
    ['DELETE', false, 'Take somebody off your contacts'],
  ] as const) {
    app.route({
      method,
      url: '/me/contacts/:id',
      onRequest,
      config: {
        errors: listed ? ['bad_parameter', 'limit_reached', 'overloaded'] : ['bad_parameter', 'overloaded'],
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
        const address = await addressOf(people, networks, request.params.id);
        await contacts.change(person, listed ? [address] : [], listed ? [] : [address]);
        return reply.code(204).send();
      },
    });
  }
}
