import type { FastifyInstance } from 'fastify';

/** Plexichat capabilities: of those that a server announces, the bridge has none but open access for its tokens. */
export function capabilities(app: FastifyInstance): void {
  app.get('/capabilities', () => ({ access_token_required: false }));
}
