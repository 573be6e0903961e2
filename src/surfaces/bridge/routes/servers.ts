import { z } from 'zod';
import type { BridgeApp, BridgeContext } from '../context.ts';

const server = z
  .object({
    name: z.string(),
    state: z
      .enum(['starting', 'up', 'down', 'refused', 'elsewhere'])
      .describe('refused: it does not accept our credentials; elsewhere: another node is connected to it'),
    since: z.number().int().describe('Since when it is in this state, ms since 1970'),
    reason: z.string().nullable().describe('Why it is down or refuses the bridge'),
    backlog: z.number().int().describe('Changes of presence that wait to be written there'),
    warnings: z.array(z.string()).describe('What to look at although it is up'),
  })
  .meta({ title: 'Server' });

/** How the connections to real servers are. */
export function servers(app: BridgeApp, { servers: health }: Pick<BridgeContext, 'servers'>): void {
  app.get('/servers', {
    schema: {
      summary: 'How the connections to the real servers are',
      tags: ['health'],
      response: { 200: z.object({ servers: z.array(server) }) },
    },
    handler: () => ({ servers: health().map((each) => ({ ...each, warnings: [...each.warnings] })) }),
  });
}
