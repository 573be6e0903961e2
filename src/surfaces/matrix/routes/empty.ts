import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Documentation } from '../../http/documentation.ts';
import type { ApiVersion } from '../context.ts';

const rules = z.array(z.never());
const pushRules = z.object({
  global: z.object({ override: rules, content: rules, room: rules, sender: rules, underride: rules }),
});
const noRules = { global: { override: [], content: [], room: [], sender: [], underride: [] } };

/** What SDKs ask for as they start and what a server without rooms, calls or rules answers. */
const ANSWERS = {
  '/pushrules': { answer: noRules, schema: pushRules },
  '/pushrules/': { answer: noRules, schema: null },
  '/joined_rooms': { answer: { joined_rooms: [] }, schema: z.object({ joined_rooms: z.array(z.never()) }) },
  '/capabilities': { answer: { capabilities: {} }, schema: z.object({ capabilities: z.strictObject({}) }) },
  '/voip/turnServer': { answer: {}, schema: z.strictObject({}) },
};

function documented(path: string, schema: z.ZodType): Documentation {
  const response = { 200: schema.describe('There are none') };
  return { summary: `What there is of ${path.slice(1)}`, tags: ['around'], response };
}

export function empty(app: FastifyInstance, { root, authenticate }: ApiVersion): void {
  for (const [path, { answer, schema }] of Object.entries(ANSWERS)) {
    const config = schema ? { documentation: documented(path, schema) } : {};
    app.get(root + path, { onRequest: authenticate, exposeHeadRoute: true, config }, () => answer);
  }
}
