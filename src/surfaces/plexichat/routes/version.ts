import type { FastifyInstance } from 'fastify';

/** The Plexichat version whose documents this surface follows; older ones were never compared. */
const API = { stage: 'a', major: 1, minor: 0, build: 49, string: 'a.1.0-49' };

/** Plexichat versioning: what API clients find here. */
export function version(app: FastifyInstance): void {
  app.get('/version', () => ({ version: API, min_supported_version: API, api_version: 'v1' }));
}
