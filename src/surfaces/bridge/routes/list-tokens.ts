import { z } from 'zod';
import type { BridgeApp, BridgeContext } from '../context.ts';
import { findPerson, personIdParams } from '../schemas.ts';

export function listTokens(
  app: BridgeApp,
  { people, tokens, networks }: Pick<BridgeContext, 'people' | 'tokens' | 'networks'>,
): void {
  app.get('/people/:id/tokens', {
    schema: {
      summary: 'Her live tokens, by id only',
      tags: ['tokens'],
      params: personIdParams,
      response: {
        200: z.object({
          tokens: z.array(
            z.object({
              token_id: z.string(),
              network: z.string(),
              device_id: z.string(),
              created_at: z.number().int().describe('Milliseconds since 1970'),
            }),
          ),
        }),
      },
    },
    handler: async (request) => {
      const person = await findPerson(people, networks, request.params.id);
      const live = await tokens.list(person.id);
      return {
        tokens: live.map(({ id, network, deviceId, createdAt }) => ({
          token_id: id,
          network,
          device_id: deviceId,
          created_at: createdAt,
        })),
      };
    },
  });
}
