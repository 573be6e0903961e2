import { z } from 'zod';
import type { BridgeApp, BridgeContext } from '../context.ts';
import { encodeHealth, serverSchema } from '../server-health.ts';

/** How the connections to real servers are. */
export function servers(app: BridgeApp, { servers: health }: Pick<BridgeContext, 'servers'>): void {
  app.get('/servers', {
    schema: {
      summary: 'How the connections to the real servers are',
      tags: ['health'],
      response: { 200: z.object({ servers: z.array(serverSchema) }) },
    },
    handler: () => ({ servers: health().map(encodeHealth) }),
  });
}
