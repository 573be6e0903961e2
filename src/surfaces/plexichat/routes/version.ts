import type { FastifyInstance } from 'fastify';
import { wireVersion } from '../../../protocols/plexichat/wire.ts';
import type { Documentation } from '../../http/documentation.ts';

const documentation: Documentation = {
  summary: 'Which version of the API this is',
  tags: ['around'],
  response: { 200: wireVersion.describe('The version whose documents are followed') },
  open: true,
};

/** The Plexichat version whose documents this surface follows; older ones were never compared. */
const API = { stage: 'a', major: 1, minor: 0, build: 49, string: 'a.1.0-49' };

/** Plexichat versioning: what API clients find here. */
export function version(app: FastifyInstance): void {
  app.get('/version', { config: { documentation } }, () => ({
    version: API,
    min_supported_version: API,
    api_version: 'v1',
  }));
}
