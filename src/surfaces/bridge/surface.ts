import swagger from '@fastify/swagger';
import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import {
  hasZodFastifySchemaValidationErrors,
  jsonSchemaTransform,
  serializerCompiler,
  validatorCompiler,
} from 'fastify-type-provider-zod';
import { BridgeError } from '../../presence/errors.ts';
import { asBridgeError, logFailure } from '../http/bridge-error.ts';
import { parseJson, takeBodiesAsBytes } from '../http/json-body.ts';
import { withOtherMethodsRefused } from '../http/other-methods.ts';
import type { BridgeContext } from './context.ts';
import { bridgeRefusal } from './errors.ts';
import { health } from './routes/health.ts';
import { metrics } from './routes/metrics.ts';
import { operatorRoutes, userRoutes } from './routes/index.ts';

export type BridgeSurfaceOptions = BridgeContext & { readonly version: string };

/** The bridge's own API: people, links, tokens and modes under `/bridge`, the probes, and the metrics. */
export async function bridgeSurface(app: FastifyInstance, options: BridgeSurfaceOptions): Promise<void> {
  takeBodiesAsBytes(app);
  app.addHook('preValidation', (request, _reply, done) => {
    if (Buffer.isBuffer(request.body)) request.body = parseJson(request.body);
    done();
  });
  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  app.setErrorHandler((thrown, request, reply) => {
    const error = hasZodFastifySchemaValidationErrors(thrown)
      ? new BridgeError('bad_json', thrown.message)
      : asBridgeError(thrown);
    const { status, retryAfter, body } = bridgeRefusal(error);
    if (status >= 500) logFailure(request.log, error);
    if (retryAfter !== null) void reply.header('retry-after', retryAfter);
    return reply.code(status).send(body);
  });
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'plexibridge',
        description: 'People, links, tokens and modes',
        version: options.version,
      },
      components: { securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } } },
      security: [{ bearer: [] }],
    },
    transform: jsonSchemaTransform,
  });

  const typed = app.withTypeProvider<ZodTypeProvider>();
  withOtherMethodsRefused(app, () => {
    health(typed, options);
    metrics(typed, options);
  });
  await app.register(
    async (bridge) => {
      bridge.setNotFoundHandler(() => {
        throw new BridgeError('unknown_endpoint');
      });
      bridge.get('/openapi.json', { schema: { hide: true } }, () => app.swagger());
      await bridge.register(scope(operatorRoutes, options), { prefix: '/v1' });
      await bridge.register(scope(userRoutes, options), { prefix: '/v1' });
    },
    { prefix: '/bridge' },
  );
}

function scope(register: typeof operatorRoutes, context: BridgeContext) {
  return (app: FastifyInstance, _options: object, done: () => void): void => {
    withOtherMethodsRefused(app, () => register(app.withTypeProvider<ZodTypeProvider>(), context));
    done();
  };
}
