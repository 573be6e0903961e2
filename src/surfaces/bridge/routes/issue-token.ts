import { z } from 'zod';
import { OPERATOR } from '../../../presence/audit.ts';
import { BridgeError } from '../../../presence/errors.ts';
import { idOn } from '../../../presence/network.ts';
import type { BridgeApp, BridgeContext } from '../context.ts';
import { findPerson, networkName, personIdParams, wellFormed } from '../schemas.ts';

export function issueToken(
  app: BridgeApp,
  { people, tokens, networks }: Pick<BridgeContext, 'people' | 'tokens' | 'networks'>,
): void {
  app.post('/people/:id/tokens', {
    schema: {
      summary: 'Make a token for one network; it is shown once',
      tags: ['tokens'],
      params: personIdParams,
      body: z.object({
        network: networkName(networks),
        device_id: wellFormed.min(1).max(255).optional().describe('Made up when absent'),
      }),
      response: {
        201: z.object({
          token: z.string(),
          token_id: z.string(),
          network: z.string(),
          device_id: z.string(),
        }),
      },
    },
    handler: async (request, reply) => {
      const person = await findPerson(people, networks, request.params.id);
      const network = networks.find(({ name }) => name === request.body.network);
      if (!network) throw new BridgeError('bad_json', 'network: unknown');
      const { token, id, deviceId } = await tokens.issue(
        person.id,
        network.name,
        (secret) => network.tokenText(secret, idOn(person, network)),
        request.body.device_id,
        OPERATOR,
      );
      return reply.code(201).send({ token, token_id: id, network: network.name, device_id: deviceId });
    },
  });
}
