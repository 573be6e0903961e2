import { z } from 'zod';
import { AUDIT_ACTIONS } from '../../../presence/directory.ts';
import type { BridgeApp, BridgeContext } from '../context.ts';

const entry = z
  .object({
    at: z.number().int().describe('Milliseconds since 1970'),
    actor: z.string().describe('`operator`, or the id of the person who did it herself'),
    action: z.enum(AUDIT_ACTIONS),
    subjects: z.array(z.string()).describe('Ids of the people it was done to; some may be gone'),
    details: z.record(z.string(), z.string()),
  })
  .meta({ title: 'Audit entry' });

/** What operators did, and who linked whom. */
export function audit(app: BridgeApp, { audit: log }: Pick<BridgeContext, 'audit'>): void {
  app.get('/audit', {
    schema: {
      summary: 'A page of what operators and links have changed, the newest first',
      tags: ['audit'],
      querystring: z.object({
        cursor: z
          .string()
          .regex(/^\d{1,15}$/, 'is no cursor')
          .optional()
          .describe('`next_cursor` of the page before'),
        limit: z.coerce.number().int().min(1).max(1000).default(100),
      }),
      response: {
        200: z.object({
          entries: z.array(entry),
          next_cursor: z.string().nullable().describe('Null on the last page'),
        }),
      },
    },
    handler: async (request) => {
      const { cursor, limit } = request.query;
      const page = await log.page(cursor === undefined ? null : Number(cursor), limit + 1);
      const shown = page.slice(0, limit);
      return {
        entries: shown.map(({ at, actor, action, subjects, details }) => {
          return { at, actor, action, subjects: [...subjects], details: { ...details } };
        }),
        next_cursor: page.length > limit ? String(shown.at(-1)?.seq) : null,
      };
    },
  });
}
