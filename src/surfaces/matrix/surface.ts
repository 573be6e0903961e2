import type { FastifyInstance } from 'fastify';
import { BridgeError } from '../../presence/errors.ts';
import { matrixRefusal } from '../../protocols/matrix/errors.ts';
import { asBridgeError, logFailure } from '../http/bridge-error.ts';
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

/** The Matrix client API, everything under `/_matrix`. To be registered without a prefix. */
export function matrixSurface(app: FastifyInstance, context: MatrixContext, done: () => void): void {
  takeBodiesAsBytes(app);
  app.decorateRequest(CALLER, null);

  app.addHook('onRequest', async (request, reply) => {
    void reply.headers(HEADERS);
    if (request.method === 'OPTIONS') return reply.code(204).send();
  });
  app.setErrorHandler((thrown, request, reply) => {
    const error = asBridgeError(thrown);
    const { status, headers, body } = matrixRefusal(error);
    if (status >= 500) logFailure(request.log, error);
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
  done();
}
