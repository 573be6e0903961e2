import type { onRequestAsyncHookHandler } from 'fastify';
import { z } from 'zod';
import { demandOperator } from '../auth.ts';
import type { BridgeApp, DashboardContext } from '../context.ts';

export function metrics(
  app: BridgeApp,
  {
    metrics,
    metricsPublic,
    ...auth
  }: Pick<
    DashboardContext,
    'metrics' | 'metricsPublic' | 'gate' | 'secrets' | 'operatorTokenHash' | 'sessions'
  >,
): void {
  const guard: onRequestAsyncHookHandler = async (request) => {
    if (!metricsPublic) await demandOperator(request, auth);
  };
  app.get('/metrics', {
    onRequest: guard,
    schema: {
      summary: 'What the bridge has done, for Prometheus',
      tags: ['health'],
      produces: ['text/plain'],
      response: { 200: z.string() },
    },
    handler: async (_request, reply) => {
      const text = await metrics.text();
      return reply.type(metrics.contentType).send(text);
    },
  });
}
