import { Expiring } from './expiring.ts';
import type { Guild } from './relations.ts';
import { failure, ok } from './reply.ts';
import type { Route, RouteContext } from './route.ts';
import { avatarUrl, badges } from './route.ts';

export function listRoutes(context: RouteContext): Route[] {
  const { settings, relations } = context;
  const { clock, defects } = settings;
  const relationships = new Expiring<unknown>(clock, defects.staleLists ? 60_000 : 0);
  const members = new Expiring<unknown>(clock, defects.staleLists ? 30_000 : 0);
  return [
    {
      method: 'GET',
      path: /^\/api\/v1\/relationships\/@me$/,
      answer: ({ identity: { userId } }) =>
        ok(relationships.get(userId, () => relationshipList(context, userId))),
    },
    {
      method: 'GET',
      path: /^\/api\/v1\/servers\/([^/]+)\/members$/,
      answer: ({ identity: { userId }, id }) => {
        const guild = relations.guild(id);
        // Nobody measured what strangers get.
        if (!guild?.members.has(userId)) return failure(403, 'Not a member of this server');
        return ok(members.get(`${userId} ${id}`, () => memberList(context, guild, userId)));
      },
    },
  ];
}

function relationshipList({ settings, accounts, relations, presence }: RouteContext, viewer: string) {
  return relations.listOf(viewer).map(([id, { status, createdAt }]) => ({
    user_id: id,
    username: accounts.known(id).username,
    avatar_url: avatarUrl(id),
    status,
    presence: { status: presence.listed(id, viewer) },
    message: null,
    created_at: settings.wireTime(createdAt),
  }));
}

function memberList({ settings, accounts, presence }: RouteContext, guild: Guild, viewer: string) {
  return [...guild.members.values()].map(({ memberId, userId, joinedAt }) => ({
    member_id: memberId,
    user_id: userId,
    username: accounts.known(userId).username,
    nickname: null,
    avatar_url: avatarUrl(userId),
    joined_at: settings.wireTime(joinedAt),
    roles: [guild.roleId],
    presence: { status: presence.listed(userId, viewer) },
    badges: badges(accounts.known(userId).ownerId),
    timeout_until: null,
    timeout_reason: null,
  }));
}
