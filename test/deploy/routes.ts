import { parse } from 'yaml';
import { readDeployFile } from './files.ts';

/** What a proxy does with a path: the ports are those of the published files. */
export interface Route {
  /** Where clients come in. */
  readonly port: number;
  /** Of paths; of those that fit no other when absent. */
  readonly pattern?: string;
  /** Who gets them, all of them by port. */
  readonly to: readonly number[];
}

export const ROUTES: Readonly<Record<string, () => Route[]>> = {
  'nginx.conf': () => nginxRoutes(readDeployFile('nginx.conf')),
  'nginx.cluster.conf': () => nginxRoutes(readDeployFile('nginx.cluster.conf')),
  Caddyfile: () => caddyRoutes(readDeployFile('Caddyfile')),
  'traefik.yaml': () => traefikRoutes(readDeployFile('traefik.yaml')),
};

function nginxRoutes(text: string): Route[] {
  const upstreams = new Map(
    [...text.matchAll(/^upstream (\w+) \{([^}]*)\}/gm)].map(([, name, body = '']) => [name, portsIn(body)]),
  );
  return text.split(/^server \{/m).flatMap((server, index) => {
    const port = portOf(/listen 127\.0\.0\.1:(\d+)/.exec(server)?.[1]);
    if (index === 0) return [];
    return [...server.matchAll(/^ {4}location (~ )?(\S+) \{([^}]*)\}/gm)].map(
      ([, regex, path = '', body = '']) => ({
        port,
        ...(path !== '/' && { pattern: regex === undefined ? `^${path}` : path }),
        to: upstreams.get(/proxy_pass http:\/\/(\w+);/.exec(body)?.[1]) ?? [],
      }),
    );
  });
}

function caddyRoutes(text: string): Route[] {
  return [...text.matchAll(/^http:\/\/127\.0\.0\.1:(\d+) \{\n([\s\S]*?)^\}/gm)].flatMap(
    ([, port, site = '']) => {
      const patterns = new Map(
        [...site.matchAll(/(@\w+) path_regexp (\S+)/g)].map(([, name, it]) => [name, it]),
      );
      return [...site.matchAll(/handle (@\w+ )?\{([^}]*)\}/g)].map(([, matcher, body = '']) => {
        const pattern = matcher === undefined ? undefined : patterns.get(matcher.trim());
        return { port: portOf(port), ...(pattern !== undefined && { pattern }), to: portsIn(body) };
      });
    },
  );
}

interface TraefikFile {
  readonly http: {
    readonly routers: Record<
      string,
      { entryPoints: string[]; rule: string; priority: number; service: string }
    >;
    readonly services: Record<string, { loadBalancer: { servers: { url: string }[] } }>;
  };
}

function traefikRoutes(text: string): Route[] {
  const { http } = parse(text) as TraefikFile;
  const ports = new Map(
    [...text.matchAll(/^# {5}(\w+): \{ address: 127\.0\.0\.1:(\d+) \}/gm)].map(([, name, port]) => [
      name,
      port,
    ]),
  );
  const routers = Object.values(http.routers).sort((a, b) => b.priority - a.priority);
  return routers.flatMap(({ entryPoints, rule, service }) => {
    const [, pattern] = /^PathRegexp\(`(.*)`\)$/.exec(rule) ?? [];
    const servers = http.services[service]?.loadBalancer.servers ?? [];
    const to = servers.flatMap(({ url }) => portsIn(url));
    return entryPoints.map((entry) => ({
      port: portOf(ports.get(entry)),
      ...(pattern !== undefined && { pattern }),
      to,
    }));
  });
}

function portsIn(text: string): number[] {
  return [...text.matchAll(/127\.0\.0\.1:(\d+)/g)].map(([, port]) => portOf(port));
}

function portOf(text: string | undefined): number {
  return Number(text);
}
