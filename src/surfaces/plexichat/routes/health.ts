import type { FastifyInstance } from 'fastify';
import { wireHealth } from '../../../protocols/plexichat/wire.ts';
import type { Documentation } from '../../http/documentation.ts';
import type { PlexichatContext } from '../context.ts';

const documentation: Documentation = {
  summary: 'Whether the process answers',
  tags: ['around'],
  response: { 200: wireHealth.describe('It does') },
  open: true,
};

/** Plexichat status: whether the process answers. `version` is the bridge's own. */
export function health(app: FastifyInstance, { version }: Pick<PlexichatContext, 'version'>): void {
  app.get('/health', { config: { documentation } }, () => ({ status: 'healthy', version }));
}
