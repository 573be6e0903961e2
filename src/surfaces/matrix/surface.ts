import type { FastifyInstance } from 'fastify';
import { BridgeError } from '../../presence/errors.ts';
import { errorBody, matrixRefusal } from '../../protocols/matrix/errors.ts';
import { asBridgeError, logFailure } from '../http/bridge-error.ts';
import type { Described, Publication } from '../http/documentation.ts';
import { ADMISSION, document, READING } from '../http/documentation.ts';
import { takeBodiesAsBytes } from '../http/json-body.ts';
import { withOtherMethodsRefused } from '../http/other-methods.ts';
import { CALLER } from './auth.ts';
import type { MatrixContext } from './context.ts';
import { matrixRoutes } from './routes/index.ts';
import { LongPolls } from './streams/long-polls.ts';

/** Of every response, errors included (Matrix §web browser clients). */
export const HEADERS = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, POST, PUT, DELETE, OPTIONS',
  'access-control-allow-headers': 'X-Requested-With, Content-Type, Authorization',
  'access-control-expose-headers': 'Retry-After',
  'cache-control': 'no-cache, no-store, must-revalidate',
};

export type MatrixSurfaceOptions = MatrixContext & { readonly publication?: Publication };

const DESCRIBED: Described = {
  title: 'Matrix client API of plexibridge',
  description: 'Presence as Matrix clients know it, in the words of `api/v1`, `r0`, `v3` and `unstable`.',
  tags: {
    presence: 'Who is there',
    streams: 'What happens',
    account: 'Who is who',
    around: 'What clients ask for besides',
  },
  securitySchemes: {
    bearer: { type: 'http', scheme: 'bearer' },
    query: { type: 'apiKey', in: 'query', name: 'access_token' },
  },
  refusal: matrixRefusal,
  errorBody,
  errorsOf: ({ open, schema }) => [
    ...(open ? [] : ADMISSION),
    // Of somebody else, or in a form that no id has.
    ...(schema.params === undefined ? [] : (['bad_parameter', 'forbidden'] as const)),
    ...(schema.querystring === undefined ? [] : (['bad_parameter'] as const)),
    ...(schema.body === undefined ? [] : READING),
  ],
};

/** The Matrix client API, everything under `/_matrix`. To be registered without a prefix. */
export async function matrixSurface(
  app: FastifyInstance,
  { publication, ...context }: MatrixSurfaceOptions,
): Promise<void> {
  if (publication) await document(app, publication, DESCRIBED);
  takeBodiesAsBytes(app);
  app.decorateRequest(CALLER, null);

  app.addHook('onRequest', async (request, reply) => {
    void reply.headers(HEADERS);
    if (request.method === 'OPTIONS') return reply.code(204).send();
  });
  app.setErrorHandler((thrown, request, reply) => {
    const error = asBridgeError(thrown);
    const { status, headers, body } = matrixRefusal(error);
    if (status >= 500) logFailure(request, error);
    return reply.code(status).headers(headers).send(body);
  });

  const polls = new LongPolls(context);
  // Before the server waits for requests to end: those that are held would not.
  app.addHook('preClose', (closed) => {
    polls[Symbol.dispose]();
    closed();
  });
  withOtherMethodsRefused(app, () => matrixRoutes(app, context, polls));
  for (const url of ['/_matrix', '/_matrix/*']) {
    app.all(url, () => {
      throw new BridgeError('unknown_endpoint');
    });
  }
}
