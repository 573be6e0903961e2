import { z } from 'zod';
import { BridgeError } from '../../../presence/errors.ts';
import type { BridgeApp, BridgeContext } from '../context.ts';

const alive = z.object({ status: z.literal('ok') });

export function health(app: BridgeApp, { probe }: Pick<BridgeContext, 'probe'>): void {
  app.get('/livez', {
    schema: {
      summary: 'Whether the process answers',
      tags: ['health'],
      security: [],
      response: { 200: alive },
    },
    handler: () => ({ status: 'ok' as const }),
  });

  app.get('/readyz', {
    schema: {
      summary: 'Whether the store answers',
      tags: ['health'],
      security: [],
      response: { 200: alive },
    },
    handler: async () => {
      try {
        await probe();
      } catch (error) {
        throw new BridgeError('store_unavailable', '', { cause: error });
      }
      return { status: 'ok' as const };
    },
  });
}
