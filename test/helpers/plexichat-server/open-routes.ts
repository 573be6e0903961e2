import { ok } from './reply.ts';
import type { Route, RouteContext } from './route.ts';

const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+A8AAQUBAScY42YAAAAASUVORK5CYII=';

export function openRoutes({ settings }: RouteContext): Route[] {
  const { build } = settings.dialect;
  const version = { stage: 'a', major: 1, minor: 0, build, string: `a.1.0-${build}` };
  return [
    {
      method: 'GET',
      path: /^\/api\/v1\/version$/,
      open: true,
      answer: () => ok({ version, min_supported_version: version, api_version: 'v1' }),
    },
    {
      method: 'GET',
      path: /^\/api\/v1\/capabilities$/,
      open: true,
      answer: () => ok({ avatars: AVATARS, access_token_required: settings.accessToken !== null }),
    },
    {
      method: 'GET',
      path: /^\/api\/v1\/avatars\/users\/([^/]+)$/,
      open: true,
      answer: () => ok(Buffer.from(PNG, 'base64')),
    },
  ];
}

const AVATARS = {
  default_colors: ['#e94560', '#4ade80', '#fbbf24', '#60a5fa', '#a78bfa', '#f472b6'],
  max_size: 512,
  max_file_size: 5_242_880,
  allowed_types: ['image/jpeg', 'image/png', 'image/gif', 'image/webp'],
};
