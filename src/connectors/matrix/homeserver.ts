import { z } from 'zod';
import type { Clock } from '../../presence/clock.ts';
import type { PresenceContent } from '../../protocols/matrix/appservice.ts';
import { presenceContent } from '../../protocols/matrix/appservice.ts';
import type { Outbound, OutboundReply, OutboundRequest } from '../outbound.ts';
import { json } from '../outbound.ts';
import { faultOfError, faultOfReply, garbage, HomeserverFault } from './homeserver-fault.ts';

const CLIENT = '/_matrix/client/v3';

export interface HomeserverOptions {
  readonly outbound: Pick<Outbound, 'request'>;
  /** What the homeserver knows the bridge by. */
  readonly asToken: string;
  readonly clock: Pick<Clock, 'now'>;
}

/** What the homeserver can do beyond the minimum. */
export interface Capabilities {
  /** Whether it has a word for do not disturb (MSC3026). */
  readonly busy: boolean;
  /** Whether it can be asked to call the bridge (Matrix §application services: pinging). */
  readonly ping: boolean;
}

export interface ServerProfile {
  readonly displayName: string | null;
  /** An `mxc` URI. */
  readonly avatarUrl: string | null;
}

/** Presence as the client API takes it. */
export interface PresenceState {
  readonly presence: string;
  /** Never empty; without it the homeserver clears the status. */
  readonly status_msg?: string;
}

/** Who is asking: one of the users the bridge may speak for, or anybody by her own token. */
export type Speaker = { readonly as: string } | { readonly token: string };

const anything = z.record(z.string(), z.unknown());
const versionsBody = z.object({
  versions: z.array(z.string()),
  unstable_features: z.record(z.string(), z.boolean()).optional().catch(undefined),
});
const whoamiBody = z.object({ user_id: z.string() });
const text = z.string().min(1).nullish().catch(null);
const profileBody = z.object({ displayname: text, avatar_url: text });
const roomBody = z.object({ room_id: z.string().regex(/^![^\s]+$/) });
const uploadBody = z.object({ content_uri: z.string().startsWith('mxc://') });
const pingBody = z.object({ duration_ms: z.number() });
const membersBody = z.object({
  joined: z.record(z.string(), z.object({ display_name: text, avatar_url: text })),
});

type Call = Omit<OutboundRequest, 'headers' | 'query'>;

/**
 * The client API of the homeserver, as far as the bridge speaks it as an application service. Everything throws
 * HomeserverFault and nothing else that is the homeserver's doing.
 */
export class Homeserver {
  readonly #options: HomeserverOptions;

  constructor(options: HomeserverOptions) {
    this.#options = options;
  }

  async versions(): Promise<Capabilities> {
    const { versions, unstable_features: unstable = {} } = await this.#ask(versionsBody, {
      method: 'GET',
      path: '/_matrix/client/versions',
    });
    return {
      busy: unstable['org.matrix.msc3026.busy_presence'] === true,
      ping: unstable['fi.mau.msc2659.stable'] === true || versions.some((version) => isSince(version, 1, 7)),
    };
  }

  /** Whom the homeserver takes the bridge for. */
  async whoami(): Promise<string> {
    const call = { method: 'GET', path: `${CLIENT}/account/whoami` } as const;
    return (await this.#ask(whoamiBody, call)).user_id;
  }

  /** Makes the user if there is none; `M_EXCLUSIVE` when she lies outside of the registration. */
  async register(localpart: string): Promise<void> {
    const body = { type: 'm.login.application_service', username: localpart, inhibit_login: true };
    try {
      await this.#ask(anything, { method: 'POST', path: `${CLIENT}/register`, body });
    } catch (error) {
      if (!(error instanceof HomeserverFault && error.errcode === 'M_USER_IN_USE')) throw error;
    }
  }

  /** Null for a user who has none. */
  async profile(userId: string): Promise<ServerProfile | null> {
    const path = `${CLIENT}/profile/${encodeURIComponent(userId)}`;
    const profile = await this.#find(profileBody, { method: 'GET', path });
    return profile && { displayName: profile.displayname ?? null, avatarUrl: profile.avatar_url ?? null };
  }

  async setDisplayName(userId: string, displayName: string): Promise<void> {
    await this.#setProfile(userId, 'displayname', displayName);
  }

  /** `avatarUrl` is an `mxc` URI. */
  async setAvatarUrl(userId: string, avatarUrl: string): Promise<void> {
    await this.#setProfile(userId, 'avatar_url', avatarUrl);
  }

  /** The `mxc` URI of what was uploaded. */
  async uploadMedia(bytes: Uint8Array, contentType: string): Promise<string> {
    const call = { method: 'POST', path: '/_matrix/media/v3/upload', body: bytes, contentType } as const;
    return (await this.#ask(uploadBody, call)).content_uri;
  }

  /** The id of the room; null when there is no such alias. */
  async resolveAlias(alias: string): Promise<string | null> {
    const path = `${CLIENT}/directory/room/${encodeURIComponent(alias)}`;
    return (await this.#find(roomBody, { method: 'GET', path }))?.room_id ?? null;
  }

  /** A new room that everybody may join, with its alias; its id. */
  async createRoom(aliasLocalpart: string): Promise<string> {
    const body = { preset: 'public_chat', visibility: 'private', room_alias_name: aliasLocalpart };
    return (await this.#ask(roomBody, { method: 'POST', path: `${CLIENT}/createRoom`, body })).room_id;
  }

  /** Joins the bridge's own user, or the one named; the id of the room. */
  async join(room: string, as?: string): Promise<string> {
    const path = `${CLIENT}/join/${encodeURIComponent(room)}`;
    const speaker = as === undefined ? undefined : { as };
    return (await this.#ask(roomBody, { method: 'POST', path, body: {} }, speaker)).room_id;
  }

  async invite(roomId: string, userId: string): Promise<void> {
    const path = `${CLIENT}/rooms/${encodeURIComponent(roomId)}/invite`;
    await this.#ask(anything, { method: 'POST', path, body: { user_id: userId } });
  }

  /** Everybody in the room, as they are called there. */
  async joinedMembers(roomId: string): Promise<Map<string, ServerProfile>> {
    const path = `${CLIENT}/rooms/${encodeURIComponent(roomId)}/joined_members`;
    const { joined } = await this.#ask(membersBody, { method: 'GET', path });
    return new Map(
      Object.entries(joined).map(([userId, { display_name: name, avatar_url: avatar }]) => [
        userId,
        { displayName: name ?? null, avatarUrl: avatar ?? null },
      ]),
    );
  }

  async putPresence(userId: string, state: PresenceState, speaker: Speaker): Promise<void> {
    const path = `${CLIENT}/presence/${encodeURIComponent(userId)}/status`;
    await this.#ask(anything, { method: 'PUT', path, body: state }, speaker);
  }

  /** As the bridge's own user sees it; null where she is unknown to it, or not to be seen by it. */
  async presence(userId: string): Promise<PresenceContent | null> {
    const path = `${CLIENT}/presence/${encodeURIComponent(userId)}/status`;
    try {
      return await this.#find(presenceContent, { method: 'GET', path });
    } catch (error) {
      if (error instanceof HomeserverFault && error.kind === 'forbidden') return null;
      throw error;
    }
  }

  /** Has the homeserver call the bridge, which it knows by the id in the registration; how long that took, ms. */
  async ping(registrationId: string, transactionId: string): Promise<number> {
    const path = `/_matrix/client/v1/appservice/${encodeURIComponent(registrationId)}/ping`;
    const body = { transaction_id: transactionId };
    return (await this.#ask(pingBody, { method: 'POST', path, body })).duration_ms;
  }

  async #setProfile(userId: string, key: 'displayname' | 'avatar_url', value: string): Promise<void> {
    const path = `${CLIENT}/profile/${encodeURIComponent(userId)}/${key}`;
    await this.#ask(anything, { method: 'PUT', path, body: { [key]: value } }, { as: userId });
  }

  /** As `#ask`; null for what is not there. */
  async #find<T>(schema: z.ZodType<T>, call: Call): Promise<T | null> {
    try {
      return await this.#ask(schema, call);
    } catch (error) {
      if (error instanceof HomeserverFault && error.status === 404 && error.kind === 'refused') return null;
      throw error;
    }
  }

  async #ask<T>(schema: z.ZodType<T>, call: Call, speaker?: Speaker): Promise<T> {
    const { asToken, clock } = this.#options;
    const token = speaker && 'token' in speaker ? speaker.token : asToken;
    const query = speaker && 'as' in speaker ? { query: { user_id: speaker.as } } : {};
    const headers = { authorization: `Bearer ${token}` };
    const reply = await this.#request({ ...call, ...query, headers });
    if (reply.status < 200 || reply.status > 299) throw faultOfReply(reply, clock.now());
    const { success, data } = schema.safeParse(json(reply));
    if (!success) throw garbage(reply.status);
    return data;
  }

  async #request(request: OutboundRequest): Promise<OutboundReply> {
    try {
      return await this.#options.outbound.request(request);
    } catch (error) {
      throw faultOfError(error);
    }
  }
}

/** Whether a version of the specification is at least `major.minor`; those of old, such as `r0.6.1`, are not. */
function isSince(version: string, major: number, minor: number): boolean {
  const [, a, b] = /^v(\d+)\.(\d+)$/.exec(version) ?? [];
  return Number(a) > major || (Number(a) === major && Number(b) >= minor);
}
