import { z } from 'zod';
import { OPERATOR } from '../../../presence/audit.ts';
import type { BridgeApp, BridgeContext } from '../context.ts';
import { findPerson, personIdParams } from '../schemas.ts';

export function revokeTokens(
  app: BridgeApp,
  { people, tokens, networks }: Pick<BridgeContext, 'people' | 'tokens' | 'networks'>,
): void {
  app.delete('/people/:id/tokens', {
    schema: {
      summary: 'Revoke one token, or all of hers when the body names none; at once',
      tags: ['tokens'],
      params: personIdParams,
      // Strict: a misspelt key must not come to mean all of them.
      body: z
        .strictObject({
          token: z.string().optional().describe('A token, or its id'),
          token_id: z.string().optional().describe('The same'),
        })
        .nullish(),
      response: { 204: z.undefined().describe('Revoked') },
    },
    handler: async (request, reply) => {
      const { id } = await findPerson(people, networks, request.params.id);
      await tokens.revoke(id, request.body?.token ?? request.body?.token_id, OPERATOR);
      return reply.code(204).send();
    },
  });

  app.delete('/people/:id/tokens/:token', {
    schema: {
      summary: 'Revoke one token; at once',
      tags: ['tokens'],
      params: personIdParams.extend({ token: z.string().describe('A token id, or the token itself') }),
      response: { 204: z.undefined().describe('Revoked') },
    },
    handler: async (request, reply) => {
      const { id } = await findPerson(people, networks, request.params.id);
      await tokens.revoke(id, request.params.token, OPERATOR);
      return reply.code(204).send();
    },
  });
}
