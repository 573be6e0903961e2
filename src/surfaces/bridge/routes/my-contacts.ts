import { z } from 'zod';
import { admitUser, userOf } from '../auth.ts';
import type { BridgeApp, BridgeContext } from '../context.ts';
import { bridgeDialect } from '../dialect.ts';
import { encodeAcquaintance, acquaintanceSchema } from '../schemas.ts';
import { acquaintanceSwitch } from './acquaintance-switch.ts';

type Context = Pick<BridgeContext, 'gate' | 'presence' | 'people' | 'contacts' | 'networks'>;

/** The caller's contacts: one list for all networks (semantics §9). */
export function myContacts(app: BridgeApp, context: Context): void {
  const { gate, presence, contacts, networks } = context;
  const contact = acquaintanceSchema(networks).extend({
    mode: z.string(),
    text: z.string().nullable(),
    emoji: z.string().nullable(),
    last_active_at: z.number().int().nullable().describe('Milliseconds since 1970'),
  });

  app.get('/me/contacts', {
    onRequest: admitUser(gate),
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

  acquaintanceSwitch(app, context, {
    url: '/me/contacts/:id',
    put: 'Add somebody by an id of hers; whether she exists is not told',
    remove: 'Take somebody off your contacts',
    change: (person, address, listed) =>
      contacts.change(person, listed ? [address] : [], listed ? [] : [address]),
  });
}
