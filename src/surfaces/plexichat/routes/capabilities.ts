import type { FastifyInstance } from 'fastify';
import { wireCapabilities } from '../../../protocols/plexichat/wire.ts';
import type { Documentation } from '../../http/documentation.ts';

const documentation: Documentation = {
  summary: 'What is open to whom',
  tags: ['around'],
  response: { 200: wireCapabilities.describe('What a server announces of itself') },
  open: true,
};

/** Plexichat capabilities: of those that a server announces, the bridge has none but open access for its tokens. */
export function capabilities(app: FastifyInstance): void {
  app.get('/capabilities', { config: { documentation } }, () => ({ access_token_required: false }));
}
