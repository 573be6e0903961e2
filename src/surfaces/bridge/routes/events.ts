import { z } from 'zod';
import { sessionSecret } from '../auth.ts';
import type { BridgeApp, DashboardContext } from '../context.ts';
import { findPerson } from '../schemas.ts';

type Context = Pick<DashboardContext, 'feed' | 'people' | 'networks' | 'sessions'>;

/** What the dashboard lives on; a session that ends takes its listener along. */
export function events(app: BridgeApp, { feed, people, networks, sessions }: Context): void {
  app.get('/events', {
    config: { errors: ['overloaded', 'not_found', 'forbidden'] },
    schema: {
      summary:
        'The overview whenever it differs, and one person whenever she is shown otherwise; server-sent events',
      tags: ['health'],
      produces: ['text/event-stream'],
      querystring: z.object({ person: z.string().optional().describe('Any id of hers') }),
      response: { 200: z.string().describe('Events `overview` and `person`, whose data are JSON') },
    },
    handler: async (request, reply) => {
      const { person: named } = request.query;
      const person = named === undefined ? null : (await findPerson(people, networks, named)).id;
      const secret = request.headers.authorization === undefined ? sessionSecret(request) : null;
      const isAllowed = async () => secret === null || (await sessions.endOf(secret)) !== null;
      feed.demandRoom();
      reply.hijack();
      reply.raw.writeHead(200, {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
      });
      feed.add(reply.raw, { person, isAllowed });
    },
  });
}
