import { avatarUrl } from '../route.ts';
import type { Connection } from './connection.ts';
import type { ClientFrame } from './frames.ts';
import { isObject } from './frames.ts';
import type { Session } from './sessions.ts';

const MEMBERS_INTENT = 2;

/** Op 8: the one place where `invisible` is told to others (contract §3.11). */
export function requestMembers(connection: Connection, session: Session, frame: ClientFrame): void {
  const { settings, accounts, relations, presence } = connection.context;
  const guildId = guildIdOf(frame);
  if (guildId === null) {
    connection.close(4002);
    return;
  }
  const guild = relations.guild(guildId);
  if (!guild?.members.has(session.userId)) return;
  const statusOf = (id: string) =>
    settings.defects.membersChunkIsRaw
      ? presence.rows.stored(id).status
      : presence.listed(id, session.userId);
  const members = [...guild.members.values()].map(({ userId, joinedAt }) => ({
    user_id: userId,
    username: accounts.known(userId).username,
    nickname: null,
    avatar_url: avatarUrl(userId),
    joined_at: settings.wireTime(joinedAt),
    roles: [guild.roleId],
    presence: { status: statusOf(userId) },
  }));
  const chunk = { guild_id: guildId, members, chunk_index: 0, chunk_count: 1, not_found: [] };
  session.deliver({ type: 'GUILD_MEMBERS_CHUNK', intent: MEMBERS_INTENT, json: JSON.stringify(chunk) });
}

/** A number is read from the text, because it may be above 2^53. */
function guildIdOf({ d, text }: ClientFrame): string | null {
  if (!isObject(d)) return null;
  const { guild_id: given } = d;
  if (typeof given === 'string') return /^\d+$/.test(given) ? given : null;
  if (typeof given !== 'number') return null;
  return /"guild_id"\s*:\s*(\d+)/.exec(text)?.[1] ?? null;
}
