import type { FastifyInstance } from 'fastify';
import type { PlexichatContext } from '../context.ts';
import { capabilities } from './capabilities.ts';
import { getMe } from './get-me.ts';
import { getPresence } from './get-presence.ts';
import { health } from './health.ts';
import { putPresence } from './put-presence.ts';
import { version } from './version.ts';

/** Everything under `/api/v1`. */
export function plexichatRoutes(app: FastifyInstance, context: PlexichatContext): void {
  putPresence(app, context);
  getPresence(app, context);
  getMe(app, context);
  version(app);
  capabilities(app);
  health(app, context);
}
