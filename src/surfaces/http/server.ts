import { randomUUID } from 'node:crypto';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import fastify, { LogController } from 'fastify';
import { registeredTracing } from '../../metrics/tracing.ts';
import { BridgeError } from '../../presence/errors.ts';
import { asBridgeError } from './bridge-error.ts';
import { clientErrors } from './client-errors.ts';
import type { Refuse } from './refusal.ts';

/** Longest path parameter, characters: a percent-encoded Matrix id has up to 765, a decimal id may come padded. */
const MAX_PARAM_LENGTH = 8192;

/** The longest that a request may take to come, unless told otherwise, ms. */
const REQUEST_TIMEOUT = 30_000;
/** How often in that time it is looked who is too slow. */
const CHECKS = 10;

export interface ServerOptions {
  readonly logger: FastifyBaseLogger;
  /** Largest body, bytes. */
  readonly bodyLimit: number;
  /** Proxies whose `X-Forwarded-For` is believed, as addresses or CIDR ranges. */
  readonly trustedProxies: readonly string[];
  /** The longest that a client may take to send a request, and be silent before it, ms of real time. */
  readonly requestTimeoutMs?: number;
  /** Answers what no surface takes: a URL that cannot be decoded, an unknown path, an unheard-of method. */
  readonly refuse: Refuse;
}

/** The one HTTP server, still without surfaces. */
export function createServer(options: ServerOptions): FastifyInstance {
  const { requestTimeoutMs = REQUEST_TIMEOUT } = options;
  const http = fastify({
    loggerInstance: options.logger,
    logController: new LogController({ disableRequestLogging: true }),
    // A logger of each request's own costs as much as finding its route, and says nothing where requests are not logged.
    childLoggerFactory: (logger) => logger,
    bodyLimit: options.bodyLimit,
    trustProxy: [...options.trustedProxies],
    exposeHeadRoutes: false,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    // A number that counts up would tell how much others do whom nobody sees (semantics §6).
    genReqId: () => randomUUID(),
    requestTimeout: requestTimeoutMs,
    http: { headersTimeout: requestTimeoutMs, connectionsCheckingInterval: requestTimeoutMs / CHECKS },
    clientErrorHandler: clientErrors(options),
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    frameworkErrors: (_error, request, reply) => {
      const { status, headers, body } = options.refuse(request.url, new BridgeError('bad_parameter'));
      reply.hijack();
      reply.raw
        .writeHead(status, { 'content-type': 'application/json', ...headers })
        .end(JSON.stringify(body));
    },
  });
  // Whoever is answered while we stop must not keep the connection, which nobody would close for her.
  let closing = false;
  http.addHook('preClose', (done) => {
    closing = true;
    done();
  });
  http.addHook('onSend', (request, reply, payload, done) => {
    if (closing) void reply.header('connection', 'close');
    // Whoever was let down can say which lines of the log are hers.
    if (reply.statusCode >= 500) void reply.header('x-request-id', request.id);
    done(null, payload);
  });
  traceRequests(http);
  http.setNotFoundHandler((request, reply) => {
    const { status, headers, body } = options.refuse(request.url, new BridgeError('unknown_endpoint'));
    return reply
      .code(status)
      .headers({ ...headers })
      .send(body);
  });
  http.setErrorHandler((thrown, request, reply) => {
    const { status, headers, body } = options.refuse(request.url, asBridgeError(thrown));
    return reply
      .code(status)
      .headers({ ...headers })
      .send(body);
  });
  return http;
}

/** Costs nothing unless an SDK of OpenTelemetry was registered before. */
function traceRequests(http: FastifyInstance): void {
  const tracing = registeredTracing();
  if (tracing === null) return;
  http.addHook('onResponse', (request, reply, done) => {
    const { method, routeOptions } = request;
    const route = request.is404 ? undefined : routeOptions.url;
    tracing.answered({ method, route, status: reply.statusCode, elapsedMs: reply.elapsedTime });
    done();
  });
}
