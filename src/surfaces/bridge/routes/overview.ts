import type { BridgeApp, DashboardContext } from '../context.ts';
import { historySchema, overviewSchema } from '../dashboard/overview.ts';

/** What the dashboard begins with. */
export function overview(
  app: BridgeApp,
  { overview: read, tally }: Pick<DashboardContext, 'overview' | 'tally'>,
): void {
  app.get('/overview', {
    schema: {
      summary: 'How the bridge is: servers, people shown, delays, failed links',
      tags: ['health'],
      response: { 200: overviewSchema },
    },
    handler: () => read(),
  });

  app.get('/overview/history', {
    schema: {
      summary: 'How many people were shown as what in the last six hours, on this node',
      tags: ['health'],
      response: { 200: historySchema },
    },
    handler: () => ({ samples: [...tally.samples] }),
  });
}
