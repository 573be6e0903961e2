import { z } from 'zod';
import { BridgeError } from '../../../presence/errors.ts';
import type { NetworkName } from '../../../presence/identity.ts';
import { demandWrite } from '../../../admission/gate.ts';
import { admitUser, userOf } from '../auth.ts';
import type { BridgeApp, BridgeContext, ServerTokens } from '../context.ts';
import { networkName } from '../schemas.ts';

type Context = Pick<BridgeContext, 'gate' | 'people' | 'networks' | 'serverTokens'>;

/** Tokens of real servers, which users give so that the bridge shows there what they are here, and take back. */
export function serverTokens(app: BridgeApp, context: Context): void {
  const { gate, people } = context;
  const onRequest = admitUser(gate);
  const params = z.object({ network: networkName(context.networks) });

  app.get('/me/server-tokens', {
    onRequest,
    schema: {
      summary: 'Of which servers the bridge holds a token of yours',
      tags: ['me'],
      response: { 200: z.object({ networks: z.array(z.string()) }) },
    },
    handler: async (request) => {
      const held = [];
      for (const [network, tokens] of context.serverTokens) {
        if (await tokens.has(userOf(request))) held.push(network);
      }
      return { networks: held };
    },
  });

  app.put('/me/server-tokens/:network', {
    onRequest,
    config: { errors: ['not_found'] },
    schema: {
      summary: 'Let the bridge write your presence to a server with your own token, which it keeps encrypted',
      tags: ['me'],
      params,
      body: z.object({ token: z.string().min(1).max(1024).describe('A token of your own account there') }),
      response: { 204: z.undefined() },
    },
    handler: async (request, reply) => {
      const person = userOf(request);
      await demandWrite(gate, person);
      await tokensOf(context, request.params.network).give(await people.get(person), request.body.token);
      return reply.code(204).send();
    },
  });

  app.delete('/me/server-tokens/:network', {
    onRequest,
    config: { errors: ['not_found'] },
    schema: {
      summary: 'End that: what was written is taken back and the token forgotten',
      tags: ['me'],
      params,
      response: { 204: z.undefined() },
    },
    handler: async (request, reply) => {
      const person = userOf(request);
      await demandWrite(gate, person);
      await tokensOf(context, request.params.network).revoke(person);
      return reply.code(204).send();
    },
  });
}

function tokensOf({ serverTokens: all }: Pick<Context, 'serverTokens'>, network: string): ServerTokens {
  const tokens = all.get(network as NetworkName);
  if (!tokens) throw new BridgeError('not_found', `The bridge writes to no server of ${network}`);
  return tokens;
}
