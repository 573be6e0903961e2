import type { FastifyInstance } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import {
  hasZodFastifySchemaValidationErrors,
  serializerCompiler,
  validatorCompiler,
} from 'fastify-type-provider-zod';
import { BridgeError } from '../../presence/errors.ts';
import type { ApiDocument, Described } from '../http/documentation.ts';
import { document } from '../http/documentation.ts';
import { asBridgeError, logFailure } from '../http/bridge-error.ts';
import { parseJson, takeBodiesAsBytes } from '../http/json-body.ts';
import { withOtherMethodsRefused } from '../http/other-methods.ts';
import type { BridgeContext, DashboardContext } from './context.ts';
import { Failures } from './dashboard/failures.ts';
import { LiveFeed } from './dashboard/live-feed.ts';
import { OperatorSessions } from './dashboard/operator-sessions.ts';
import { encodeFace, overviewOf } from './dashboard/overview.ts';
import { ShownTally } from './dashboard/shown-tally.ts';
import { tallyMetrics } from './dashboard/tally-metrics.ts';
import { pages } from './pages.ts';
import { docs } from './docs.ts';
import { bridgeRefusal, errorBody } from './errors.ts';
import { health } from './routes/health.ts';
import { metrics } from './routes/metrics.ts';
import { operatorRoutes, sessionRoutes, userRoutes } from './routes/index.ts';

export type BridgeSurfaceOptions = BridgeContext & {
  readonly version: string;
  /** Documents of the other surfaces, by name. */
  readonly documents: ReadonlyMap<string, ApiDocument>;
};

/** How any request of a caller may be refused. */
const AUTHENTICATION = ['missing_token', 'unknown_token', 'rate_limited', 'store_unavailable'] as const;

const DESCRIBED: Described = {
  title: 'plexibridge',
  description: 'People, links, tokens and modes',
  tags: {
    people: 'Who is who, for the operator',
    tokens: 'Tokens that the bridge gives out, for the operator',
    links: 'Two accounts, one person',
    me: 'What a user does for herself, with a token of either network',
    session: 'Signing in with a browser',
    audit: 'What operators and links have changed',
    health: 'How the bridge is',
  },
  securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
  refusal: bridgeRefusal,
  errorBody,
  errorsOf: ({ url, schema, open }) => [
    ...(open ? [] : AUTHENTICATION),
    ...(schema.tags?.includes('me') ? (['upstream_unavailable'] as const) : []),
    ...(url.includes('/:id') && !url.includes('/me/') ? (['not_found'] as const) : []),
    ...(schema.params === undefined && schema.querystring === undefined ? [] : (['bad_json'] as const)),
    ...(schema.body === undefined
      ? []
      : (['not_json', 'bad_json', 'bad_parameter', 'body_too_large', 'overloaded'] as const)),
  ],
};

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
    if (status >= 500) logFailure(request, error);
    if (retryAfter !== null) void reply.header('retry-after', retryAfter);
    return reply.code(status).send(body);
  });
  const documents = new Map(options.documents);
  await document(
    app,
    { version: options.version, publish: (each) => documents.set('bridge', each) },
    DESCRIBED,
  );

  const context = dashboard(app, options);
  const typed = app.withTypeProvider<ZodTypeProvider>();
  withOtherMethodsRefused(app, () => {
    health(typed, context);
    metrics(typed, context);
  });
  await app.register(
    async (bridge) => {
      bridge.setNotFoundHandler(() => {
        throw new BridgeError('unknown_endpoint');
      });
      pages(bridge);
      await bridge.register(docs, { documents });
      for (const routes of [sessionRoutes, operatorRoutes, userRoutes]) {
        await bridge.register(scope(routes, context), { prefix: '/v1' });
      }
    },
    { prefix: '/bridge' },
  );
}

/** What dashboards need, for as long as the server runs. */
function dashboard(app: FastifyInstance, options: BridgeSurfaceOptions): DashboardContext {
  const { presence, clock, networks, servers, version } = options;
  const report = (error: unknown) => app.log.error({ err: error }, 'the dashboard is behind');
  const tally = new ShownTally({ presence, clock, metrics: tallyMetrics(options.metrics) });
  const failures = new Failures();
  const sources = { version, startedAt: clock.now(), networks, servers, tally, failures };
  const overview = () => overviewOf(sources);
  const feed = new LiveFeed({
    tally,
    clock,
    overview,
    look: async (person) => encodeFace(person, (await presence.look(person)).shown),
    report,
  });
  app.addHook('onReady', (done) => {
    tally.start().catch(report);
    done();
  });
  options.onMissed(() => void tally.refresh().catch(report));
  // Before the server waits for requests to end: lines that are held would not.
  app.addHook('preClose', (done) => {
    feed[Symbol.dispose]();
    tally[Symbol.dispose]();
    done();
  });
  const sessions = new OperatorSessions(options);
  return { ...options, sessions, failures, tally, feed, overview };
}

function scope(register: typeof operatorRoutes, context: DashboardContext) {
  return (app: FastifyInstance, _options: object, done: () => void): void => {
    withOtherMethodsRefused(app, () => register(app.withTypeProvider<ZodTypeProvider>(), context));
    done();
  };
}
