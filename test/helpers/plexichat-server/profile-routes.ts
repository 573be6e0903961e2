import type { Account } from './accounts.ts';
import { Expiring } from './expiring.ts';
import type { Settings } from './options.ts';
import { failure, ok } from './reply.ts';
import type { Route, RouteContext } from './route.ts';
import { avatarUrl, badges } from './route.ts';
import { parseUserId } from './user-ids.ts';

export function profileRoutes({ settings, accounts }: RouteContext): Route[] {
  const me = new Expiring<unknown>(settings.clock, 60_000);
  const users = new Expiring<unknown>(settings.clock, 60_000);
  const { meCacheShared } = settings.defects;
  return [
    {
      method: 'GET',
      path: /^\/api\/v1\/users\/@me$/,
      mayRename: true,
      answer: ({ identity: { userId, accountId } }) =>
        ok(me.get(meCacheShared ? userId : accountId, () => ownProfile(settings, accounts.known(accountId)))),
    },
    {
      method: 'GET',
      path: /^\/api\/v1\/users\/@me\/messaging-settings$/,
      answer: ({ identity }) => ok(messagingSettings(identity.userId)),
    },
    {
      method: 'GET',
      path: /^\/api\/v1\/users\/([^/]+)$/,
      answer: ({ id }) => {
        const parsed = parseUserId(id);
        if (parsed === null) return failure(400, 'Invalid user ID');
        const account = accounts.get(parsed.toString());
        if (!account) return failure(404, 'User not found');
        return ok(users.get(account.id, () => publicProfile(settings, account)));
      },
    },
  ];
}

function publicProfile(settings: Settings, { id, username, createdAt, ownerId }: Account) {
  return {
    id,
    username,
    avatar_url: avatarUrl(id),
    created_at: settings.wireTime(createdAt),
    badges: badges(ownerId),
  };
}

function ownProfile(settings: Settings, { id, username, createdAt, ownerId }: Account) {
  const isBot = ownerId !== null;
  return {
    id,
    username,
    email: isBot ? null : `${username}@example.com`,
    avatar_url: isBot ? null : avatarUrl(id),
    created_at: settings.wireTime(createdAt),
    email_verified: !isBot,
    totp_enabled: false,
    age_verified: false,
    badges: badges(ownerId),
    deletion_status: 'active',
    deletion_at: null,
  };
}

function messagingSettings(userId: string) {
  return {
    user_id: userId,
    read_receipts_enabled: true,
    typing_indicators_enabled: true,
    compact_messages_enabled: true,
    allow_dms_from: 'everyone',
    auto_create_dms: true,
    max_message_length: null,
    max_attachment_size: null,
    max_attachments_per_message: null,
  };
}
