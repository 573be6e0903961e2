import { expect, it } from 'vitest';
import type { Route } from './routes.ts';
import { ROUTES } from './routes.ts';

const MATRIX_PRESENCE = '^/_matrix/client/(api/v1|r0|v3|unstable)/presence/';
const PLEXICHAT_PRESENCE = '^/api/v1/users/[^/]+/presence$';

function sorted(routes: readonly Route[]): Route[] {
  const keyOf = ({ port, pattern = '~' }: Route) => `${port} ${pattern}`;
  return [...routes].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
}

it.each(['nginx.conf', 'Caddyfile', 'traefik.yaml'])(
  '%s routes presence to the bridge, the rest past it',
  (name) => {
    expect(sorted(ROUTES[name]?.() ?? [])).toEqual([
      { port: 8080, pattern: MATRIX_PRESENCE, to: [8790] },
      { port: 8080, to: [8008] },
      { port: 8081, pattern: PLEXICHAT_PRESENCE, to: [8790] },
      { port: 8081, to: [8000] },
    ]);
  },
);

it('nginx.cluster.conf does the same with several nodes, and has a port for the rest of what they serve', () => {
  const nodes = [8790, 8791];
  expect(sorted(ROUTES['nginx.cluster.conf']?.() ?? [])).toEqual([
    { port: 8080, pattern: MATRIX_PRESENCE, to: nodes },
    { port: 8080, to: [8008] },
    { port: 8081, pattern: PLEXICHAT_PRESENCE, to: nodes },
    { port: 8081, to: [8000] },
    { port: 8082, pattern: '^(/_matrix/app/|/bridge/v1/me/server-tokens)', to: nodes },
    { port: 8082, pattern: '^/bridge/', to: nodes },
    { port: 8082, to: nodes },
  ]);
});
