import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import fastify, { LogController } from 'fastify';

/** Longest path parameter, characters: a percent-encoded Matrix id has up to 765, a decimal id may come padded. */
const MAX_PARAM_LENGTH = 8192;

export interface ServerOptions {
  readonly logger: FastifyBaseLogger;
  /** Largest body, bytes. */
  readonly bodyLimit: number;
  /** Proxies whose `X-Forwarded-For` is believed, as addresses or CIDR ranges. */
  readonly trustedProxies: readonly string[];
  /** Answers a URL that cannot be decoded, and so reaches no route, in the form of the surface it was meant for. */
  readonly onBadUrl: (url: string) => UrlRefusal;
}

export interface UrlRefusal {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

/** The one HTTP server, still without surfaces. */
export function createServer(options: ServerOptions): FastifyInstance {
  return fastify({
    loggerInstance: options.logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: options.bodyLimit,
    trustProxy: [...options.trustedProxies],
    exposeHeadRoutes: false,
    return503OnClosing: false,
    forceCloseConnections: 'idle',
    requestTimeout: 30_000,
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH },
    frameworkErrors: (_error, request, reply) => {
      const { status, headers, body } = options.onBadUrl(request.url);
      reply.hijack();
      reply.raw
        .writeHead(status, { 'content-type': 'application/json', ...headers })
        .end(JSON.stringify(body));
    },
  });
}
