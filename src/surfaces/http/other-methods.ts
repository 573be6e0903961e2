import type { FastifyInstance, HTTPMethods } from 'fastify';
import { BridgeError } from '../../presence/errors.ts';

const METHODS: readonly HTTPMethods[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'TRACE'];

/**
 * Registers routes by `register` and answers every other method on their paths with `wrong_method` and an `Allow`
 * header; Fastify alone would call such a path unknown. OPTIONS is left to CORS.
 */
export function withOtherMethodsRefused(
  app: FastifyInstance,
  register: (app: FastifyInstance) => void,
): void {
  const taken = new Map<string, Set<string>>();
  app.addHook('onRoute', ({ routePath: url, method }) => {
    const methods = taken.get(url) ?? new Set();
    for (const each of [method].flat()) methods.add(each);
    taken.set(url, methods);
  });
  register(app);
  for (const [url, methods] of [...taken]) {
    const allow = [...methods].sort().join(', ');
    const missing = METHODS.filter((method) => !methods.has(method));
    app.route({
      url,
      method: missing,
      schema: { hide: true },
      handler: (_request, reply) => {
        void reply.header('allow', allow);
        throw new BridgeError('wrong_method');
      },
    });
  }
}
