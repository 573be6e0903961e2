import type { FastifyInstance } from 'fastify';

export interface Route {
  readonly method: string;
  /** With `:name` for a parameter and `*` for anything. */
  readonly path: string;
}

/** Levels of the printed tree are as far apart, characters. */
const INDENT = 4;

/** Every route that the server has, read from its own table, so that none can be forgotten. */
export function routesOf(http: FastifyInstance): Route[] {
  const routes: Route[] = [];
  const above: string[] = [];
  for (const line of http.printRoutes({ commonPrefix: false }).split('\n')) {
    const [, indent = '', segment = '', methods = ''] = /^([│ ]*)[├└]── (\S+) \((.+)\)$/.exec(line) ?? [];
    if (segment === '') continue;
    above.length = indent.length / INDENT;
    const path = above.join('') + segment;
    above.push(segment);
    for (const method of methods.split(', ')) routes.push({ method, path });
  }
  return routes;
}
