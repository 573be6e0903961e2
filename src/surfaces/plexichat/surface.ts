import cors from '@fastify/cors';
import type { FastifyInstance } from 'fastify';
import { BridgeError } from '../../presence/errors.ts';
import { errorBody, plexichatRefusal } from '../../protocols/plexichat/errors.ts';
import { asBridgeError, logFailure } from '../http/bridge-error.ts';
import type { Described, Publication } from '../http/documentation.ts';
import { ADMISSION, document, READING } from '../http/documentation.ts';
import { takeBodiesAsBytes } from '../http/json-body.ts';
import { withOtherMethodsRefused } from '../http/other-methods.ts';
import type { PlexichatContext } from './context.ts';
import { serveGateway } from './gateway/gateway.ts';
import { RATE_LIMIT_HEADERS } from './rate-limit.ts';
import { health } from './routes/health.ts';
import { plexichatRoutes } from './routes/index.ts';

const DESCRIBED: Described = {
  title: 'Plexichat API of plexibridge',
  description: 'Presence as Plexichat clients know it. What happens is told at the WebSocket `/gateway`.',
  tags: { presence: 'Who is there', users: 'Who is who', around: 'What clients ask for besides' },
  securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
  refusal: plexichatRefusal,
  errorBody,
  errorsOf: ({ open, schema }) => [...(open ? [] : ADMISSION), ...(schema.body === undefined ? [] : READING)],
};

/** What clients send; those that mean nothing here do no harm (Plexichat CORS). */
const ALLOWED_HEADERS = [
  'Accept',
  'Authorization',
  'Content-Type',
  'Origin',
  'X-API-Access-Token',
  'X-Plexichat-Request',
  'X-RateLimit-Bypass',
  'X-Requested-With',
];

export type PlexichatSurfaceOptions = PlexichatContext & { readonly publication?: Publication };

/** The Plexichat API: everything under `/api/v1`, `/health`, and the WebSocket at `/gateway`. To be registered without a prefix. */
export async function plexichatSurface(
  app: FastifyInstance,
  options: PlexichatSurfaceOptions,
): Promise<void> {
  const { publication, ...context } = options;
  if (publication) await document(app, publication, DESCRIBED);
  takeBodiesAsBytes(app);
  app.addHook('onSend', (_request, reply, payload, done) => {
    // Fastify adds a charset, which Plexichat does not name.
    if (String(reply.getHeader('content-type')).startsWith('application/json')) {
      void reply.header('content-type', 'application/json');
    }
    done(null, payload);
  });
  app.setErrorHandler((thrown, request, reply) => {
    const error = asBridgeError(thrown);
    const { status, headers, body } = plexichatRefusal(error);
    if (status >= 500) logFailure(request, error);
    return reply.code(status).headers(headers).send(body);
  });

  serveGateway(app, context);
  withOtherMethodsRefused(app, () => health(app, context));
  await app.register(
    async (api) => {
      await api.register(cors, {
        origin: [...context.corsOrigins],
        credentials: true,
        methods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
        // As texts, since lists would be joined for every answer.
        allowedHeaders: ALLOWED_HEADERS.join(', '),
        exposedHeaders: [...RATE_LIMIT_HEADERS, 'retry-after'].join(', '),
        maxAge: 600,
      });
      api.setNotFoundHandler(() => {
        throw new BridgeError('unknown_endpoint');
      });
      withOtherMethodsRefused(api, () => plexichatRoutes(api, context));
    },
    { prefix: '/api/v1' },
  );
}
