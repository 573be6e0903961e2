import { listRoutes } from './list-routes.ts';
import { openRoutes } from './open-routes.ts';
import { presenceRoutes } from './presence-routes.ts';
import { profileRoutes } from './profile-routes.ts';
import type { Route, RouteContext } from './route.ts';

/** Every path that answers anything but 405. The first that matches wins. */
export function routesOf(context: RouteContext): readonly Route[] {
  const profiles = profileRoutes(context);
  return [...presenceRoutes(context), ...profiles, ...listRoutes(context), ...openRoutes(context)];
}
