import type { FastifyInstance } from 'fastify';
import { matrixRefusal } from '../../protocols/matrix/errors.ts';
import { asBridgeError, logFailure } from '../http/bridge-error.ts';
import { takeBodiesAsBytes } from '../http/json-body.ts';
import { withOtherMethodsRefused } from '../http/other-methods.ts';
import type { AppserviceContext } from './context.ts';
import { appserviceRoutes } from './routes/index.ts';

/** What a homeserver asks of an application service, under `/_matrix/app` and at the root. To be registered without a prefix. */
export function appserviceSurface(app: FastifyInstance, context: AppserviceContext, done: () => void): void {
  takeBodiesAsBytes(app);
  app.setErrorHandler((thrown, request, reply) => {
    const error = asBridgeError(thrown);
    const { status, headers, body } = matrixRefusal(error);
    // It is the homeserver itself that did not do its part; the health of its connector tells of that.
    const isItsOwn = error.code === 'upstream_unavailable';
    if (status >= 500 && !isItsOwn) {
      logFailure(request.log, error, 'request of the homeserver failed');
    }
    return reply
      .code(isItsOwn ? 503 : status)
      .headers(headers)
      .send(body);
  });
  withOtherMethodsRefused(app, () => appserviceRoutes(app, context));
  done();
}
