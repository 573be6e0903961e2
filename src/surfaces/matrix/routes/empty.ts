import type { FastifyInstance } from 'fastify';
import type { ApiVersion } from '../context.ts';

/** What SDKs ask for as they start and what a server without rooms, calls or rules answers. */
const ANSWERS = {
  '/pushrules': { global: { override: [], content: [], room: [], sender: [], underride: [] } },
  '/pushrules/': { global: { override: [], content: [], room: [], sender: [], underride: [] } },
  '/joined_rooms': { joined_rooms: [] },
  '/capabilities': { capabilities: {} },
  '/voip/turnServer': {},
};

export function empty(app: FastifyInstance, { root, authenticate }: ApiVersion): void {
  for (const [path, answer] of Object.entries(ANSWERS)) {
    app.get(root + path, { onRequest: authenticate, exposeHeadRoute: true }, () => answer);
  }
}
