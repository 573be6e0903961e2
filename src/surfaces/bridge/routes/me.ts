import { z } from 'zod';
import { VISIBILITIES } from '../../../presence/identity.ts';
import { demandWrite } from '../../../admission/gate.ts';
import { admitUser, userOf } from '../auth.ts';
import type { BridgeApp, BridgeContext } from '../context.ts';
import { encodePerson, personSchema } from '../schemas.ts';

/** Who the caller is, and who may see her. */
export function me(app: BridgeApp, context: Pick<BridgeContext, 'gate' | 'people' | 'networks'>): void {
  const { gate, people, networks } = context;
  const onRequest = admitUser(gate);

  app.get('/me', {
    onRequest,
    schema: {
      summary: 'Who you are',
      tags: ['me'],
      response: { 200: personSchema(networks) },
    },
    handler: async (request) => encodePerson(await people.get(userOf(request)), networks),
  });

  app.put('/me/visibility', {
    onRequest,
    schema: {
      summary: 'Choose who may see your presence: everyone, your contacts, or nobody',
      tags: ['me'],
      body: z.object({ visibility: z.enum(VISIBILITIES) }),
      response: { 200: personSchema(networks) },
    },
    handler: async (request) => {
      const person = userOf(request);
      await demandWrite(gate, person);
      const { visibility } = request.body;
      return encodePerson(await people.edit(person, { visibility }), networks);
    },
  });
}
