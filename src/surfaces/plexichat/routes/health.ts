import type { FastifyInstance } from 'fastify';
import type { PlexichatContext } from '../context.ts';

/** Plexichat status: whether the process answers. `version` is the bridge's own. */
export function health(app: FastifyInstance, { version }: Pick<PlexichatContext, 'version'>): void {
  app.get('/health', () => ({ status: 'healthy', version }));
}
