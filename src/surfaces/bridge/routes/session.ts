import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { demandOperatorToken, demandOwnPage, PAGE_HEADER, SESSION_COOKIE, sessionSecret } from '../auth.ts';
import type { BridgeApp, DashboardContext } from '../context.ts';
import { SESSION_MS } from '../dashboard/operator-sessions.ts';

const signedIn = z.object({ ends_at: z.number().int().describe('Milliseconds since 1970') });

/** What our own pages send, and no form or link of another site can. */
const headers = z.looseObject({ [PAGE_HEADER]: z.string().optional().describe('Anything at all') });

type Context = Pick<DashboardContext, 'gate' | 'secrets' | 'operatorTokenHash' | 'sessions'>;

/** How a browser signs an operator in and out. */
export function session(app: BridgeApp, context: Context): void {
  const { sessions } = context;

  app.post('/session', {
    config: { errors: ['unknown_token', 'rate_limited', 'forbidden', 'store_unavailable'] },
    schema: {
      summary: 'Sign in with the operator token; what follows goes by a cookie',
      tags: ['session'],
      security: [],
      headers,
      body: z.object({ token: z.string().min(1).max(1024) }),
      response: { 201: signedIn },
    },
    handler: async (request, reply) => {
      demandOwnPage(request);
      await demandOperatorToken(request, request.body.token, context);
      const { secret, endsAt } = await sessions.open();
      void reply.header('set-cookie', cookie(request, secret, SESSION_MS / 1000));
      return reply.code(201).send({ ends_at: endsAt });
    },
  });

  app.delete('/session', {
    config: { errors: ['forbidden', 'overloaded', 'store_unavailable'] },
    schema: {
      summary: 'Sign out',
      tags: ['session'],
      security: [],
      headers,
      response: { 204: z.undefined().describe('Signed out') },
    },
    handler: async (request, reply) => {
      demandOwnPage(request);
      const secret = sessionSecret(request);
      if (secret !== null) await sessions.close(secret);
      void reply.header('set-cookie', cookie(request, '', 0));
      return reply.code(204).send();
    },
  });
}

function cookie(request: FastifyRequest, secret: string, maxAge: number): string {
  const secure = request.protocol === 'https' ? '; Secure' : '';
  return `${SESSION_COOKIE}=${secret}; Path=/bridge; Max-Age=${maxAge}; HttpOnly; SameSite=Strict${secure}`;
}
