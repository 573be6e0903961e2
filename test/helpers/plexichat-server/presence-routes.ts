import type { Settings } from './options.ts';
import { parsePutBody } from './put-body.ts';
import type { Reply } from './reply.ts';
import { failure, ok } from './reply.ts';
import type { Route, RouteContext } from './route.ts';
import { isHuge, parseUserId } from './user-ids.ts';

const HUGE = 'Python int too large to convert to SQLite INTEGER';
const NOT_NULL = 'NOT NULL constraint failed: pres_custom_status.text';

export function presenceRoutes({ settings, presence }: RouteContext): Route[] {
  const path = '/api/v1/users/';
  return [
    {
      method: 'PUT',
      path: new RegExp(`^${path}@me/presence$`),
      answer: ({ identity, body }) => putPresence({ settings, presence }, identity.userId, body),
    },
    {
      method: 'GET',
      path: new RegExp(`^${path}([^/]+)/presence$`),
      answer: ({ identity, id }) => {
        const parsed = parseUserId(id);
        if (parsed === null) return failure(400, 'Invalid user ID');
        if (isHuge(parsed) && settings.defects.hugeIdFails) {
          return serverError(settings, `Failed to fetch presence: ${HUGE}`);
        }
        return ok(presenceBody({ settings, presence }, parsed.toString(), identity.userId));
      },
    },
  ];
}

type PresenceContext = Pick<RouteContext, 'settings' | 'presence'>;

/** PUT, whoever sends it. */
export function putPresence(context: PresenceContext, userId: string, body: unknown): Reply {
  const parsed = parsePutBody(body);
  if ('message' in parsed) return failure(400, parsed.message);
  if (!context.presence.put(userId, parsed.value)) {
    return serverError(context.settings, `Failed to update presence: ${NOT_NULL}`);
  }
  return ok(presenceBody(context, userId, userId));
}

function presenceBody({ settings, presence }: PresenceContext, id: string, viewer: string) {
  const { status, text, emoji, lastSeen } = presence.view(id, viewer);
  return {
    user_id: id,
    status,
    custom_status: text,
    custom_emoji: emoji,
    last_seen: settings.wireTime(lastSeen),
  };
}

function serverError(settings: Settings, message: string): Reply {
  return failure(500, settings.debug ? message : 'Internal server error');
}
