import { z } from 'zod';
import { admitUser, userOf } from '../auth.ts';
import type { BridgeApp, BridgeContext } from '../context.ts';
import { acquaintanceSchema, encodeAcquaintance } from '../schemas.ts';
import { acquaintanceSwitch } from './acquaintance-switch.ts';

type Context = Pick<BridgeContext, 'gate' | 'people' | 'contacts' | 'networks'>;

/** Whom the caller has blocked. Nothing here tells whether somebody exists whom she may not see. */
export function myBlocks(app: BridgeApp, context: Context): void {
  const { gate, contacts, networks } = context;

  app.get('/me/blocks', {
    onRequest: admitUser(gate),
    schema: {
      summary: 'Those whom you blocked and could see otherwise',
      tags: ['me'],
      response: { 200: z.object({ blocks: z.array(acquaintanceSchema(networks)) }) },
    },
    handler: async (request) => {
      const blocked = await contacts.blocked(userOf(request));
      return { blocks: blocked.map((person) => encodeAcquaintance(person, networks)) };
    },
  });

  acquaintanceSwitch(app, context, {
    url: '/me/blocks/:id',
    put: 'Block somebody by an id of hers: each is hidden from the other at once',
    remove: 'Lift a block',
    change: (person, address, value) => contacts.blockAddress(person, address, value),
  });
}
