import type { FastifyInstance } from 'fastify';
import type { BridgeError } from '../../presence/errors.ts';
import { errorBody, matrixRefusal } from '../../protocols/matrix/errors.ts';
import { asBridgeError, logFailure } from '../http/bridge-error.ts';
import type { Described, Publication } from '../http/documentation.ts';
import { document } from '../http/documentation.ts';
import { takeBodiesAsBytes } from '../http/json-body.ts';
import { withOtherMethodsRefused } from '../http/other-methods.ts';
import type { AppserviceContext } from './context.ts';
import { appserviceRoutes } from './routes/index.ts';

export type AppserviceSurfaceOptions = AppserviceContext & { readonly publication?: Publication };

const DESCRIBED: Described = {
  title: 'Application service API of plexibridge',
  description: 'What a homeserver calls to tell the bridge of its users, and to ask for stand-ins.',
  tags: { transactions: 'What happens', queries: 'Who and what is here' },
  securitySchemes: {
    bearer: { type: 'http', scheme: 'bearer' },
    query: { type: 'apiKey', in: 'query', name: 'access_token' },
  },
  refusal: (error) => ({ ...matrixRefusal(error), status: statusOf(error) }),
  errorBody,
  errorsOf: ({ schema }) => [
    'missing_token',
    'forbidden',
    'rate_limited',
    'overloaded',
    ...(schema.body === undefined ? [] : (['not_json', 'bad_json', 'body_too_large'] as const)),
  ],
};

/** What a homeserver asks of an application service, under `/_matrix/app` and at the root. To be registered without a prefix. */
export async function appserviceSurface(
  app: FastifyInstance,
  { publication, ...context }: AppserviceSurfaceOptions,
): Promise<void> {
  if (publication) await document(app, publication, DESCRIBED);
  takeBodiesAsBytes(app);
  app.setErrorHandler((thrown, request, reply) => {
    const error = asBridgeError(thrown);
    const { headers, body } = matrixRefusal(error);
    const status = statusOf(error);
    if (status >= 500 && !isItsOwn(error)) logFailure(request, error, 'request of the homeserver failed');
    return reply.code(status).headers(headers).send(body);
  });
  withOtherMethodsRefused(app, () => appserviceRoutes(app, context));
}

/** It is the homeserver itself that did not do its part; the health of its connector tells of that. */
function isItsOwn({ code }: BridgeError): boolean {
  return code === 'upstream_unavailable';
}

function statusOf(error: BridgeError): number {
  return isItsOwn(error) ? 503 : matrixRefusal(error).status;
}
