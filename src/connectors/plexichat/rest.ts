import type { Clock } from '../../presence/clock.ts';
import { parseServerJson } from '../../protocols/plexichat/server-json.ts';
import type { ServerMember, ServerPresence, ServerProfile } from '../../protocols/plexichat/server.ts';
import {
  decodeFriends,
  decodeMembers,
  decodeServerPresence,
  decodeServerUser,
  decodeServerVersion,
  decodeSettingsOwner,
} from '../../protocols/plexichat/server.ts';
import type { Outbound, OutboundReply, OutboundRequest } from '../outbound.ts';
import { OutboundError } from '../outbound-error.ts';
import type { PlexichatBudgets, Priority } from './budgets.ts';
import { faultOfReply, PlexichatFault } from './fault.ts';

const BASE = '/api/v1';
/** What the server takes for a token (Plexichat auth: header); anything else it refuses unread. */
const TOKEN = /^[\w.-]{1,512}$/;

export interface PlexichatRestOptions {
  readonly outbound: Pick<Outbound, 'request'>;
  readonly budgets: Pick<PlexichatBudgets, 'turn' | 'drain'>;
  readonly clock: Clock;
  /** Where the server is; as given to `outbound`. */
  readonly baseUrl: string;
  readonly accessToken?: string | undefined;
  readonly rateLimitBypass?: string | undefined;
}

export interface CallOptions {
  readonly priority?: Priority;
  /** Ends the wait for a turn, not a request that is under way. */
  readonly signal?: AbortSignal;
}

/** What is written in somebody's name (Plexichat presence: PUT). */
export interface PresenceWrite {
  readonly status: 'online' | 'idle' | 'dnd' | 'invisible' | 'offline';
  /** Absent: left as it is. Empty: cleared, with the emoji. At most 128 code points. */
  readonly custom_status?: string;
  /** Goes only beside a text, which without it loses its emoji. */
  readonly custom_emoji?: string;
}

interface Call<T> extends Pick<OutboundRequest, 'method' | 'body'> {
  /** Below the base path, its segments encoded. */
  readonly path: string;
  readonly token?: string;
  readonly decode: (value: unknown) => T | null;
}

/**
 * The REST API of a real Plexichat server, one request a call, each in its turn. Nothing is tried again. Every method
 * throws PlexichatFault, or the reason of its signal.
 */
export class PlexichatRest {
  readonly #options: PlexichatRestOptions;
  /** Sent with every request. */
  readonly #headers: Readonly<Record<string, string>>;

  constructor(options: PlexichatRestOptions) {
    const { accessToken, rateLimitBypass } = options;
    this.#options = options;
    this.#headers = {
      ...(accessToken !== undefined && { 'x-api-access-token': accessToken }),
      ...(rateLimitBypass !== undefined && { 'x-ratelimit-bypass': rateLimitBypass }),
    };
  }

  /**
   * Whose presence the token moves; of a bot it is the owner. Interactive unless told otherwise. `GET /users/@me` is
   * asked only where the other path is missing, since it mixes up owners and their bots for a minute.
   */
  async identify(token: string, options: CallOptions = {}): Promise<string> {
    const call = { priority: 'interactive', ...options } as const;
    try {
      const path = '/users/@me/messaging-settings';
      return await this.#call({ method: 'GET', path, token, decode: decodeSettingsOwner }, call);
    } catch (error) {
      if (!isMissing(error)) throw error;
      const decode = (value: unknown) => this.#decodeUser(value)?.userId ?? null;
      return await this.#call({ method: 'GET', path: '/users/@me', token, decode }, call);
    }
  }

  /** What the owner of the token may see of a user; unknown and hidden ones are offline, and never were active. */
  presence(token: string, userId: string, options?: CallOptions): Promise<ServerPresence> {
    const decode = (value: unknown) => {
      const read = decodeServerPresence(value);
      return read?.userId === userId ? read : null;
    };
    return this.#call({ method: 'GET', path: `${pathOf(userId)}/presence`, token, decode }, options);
  }

  /**
   * Writes the presence of the token's owner, and reads what the server made of it. Its text may be one write behind
   * (Plexichat presence: cache lag). An emoji alone is not sent: the server would fail half-way, with the status
   * changed and nobody told. Neither is NUL, which fails it as well.
   */
  writePresence(token: string, write: PresenceWrite, options?: CallOptions): Promise<ServerPresence> {
    const body = bodyOf(write);
    const path = '/users/@me/presence';
    return this.#call({ method: 'PUT', path, token, body, decode: decodeServerPresence }, options);
  }

  /** The friends of the token's owner, up to 60 s old. */
  relationships(token: string, options?: CallOptions): Promise<ServerMember[]> {
    const decode = (value: unknown) => decodeFriends(value, this.#options.baseUrl);
    return this.#call({ method: 'GET', path: '/relationships/@me', token, decode }, options);
  }

  /** Everybody on a guild of the token's owner, up to 30 s old. */
  members(token: string, guildId: string, options?: CallOptions): Promise<ServerMember[]> {
    const path = `/servers/${encodeURIComponent(guildId)}/members`;
    const decode = (value: unknown) => decodeMembers(value, this.#options.baseUrl);
    return this.#call({ method: 'GET', path, token, decode }, options);
  }

  /** The public profile of a user; `refused` with 404 when there is none. */
  user(token: string, userId: string, options?: CallOptions): Promise<ServerProfile> {
    const decode = (value: unknown) => {
      const read = this.#decodeUser(value);
      return read?.userId === userId ? read : null;
    };
    return this.#call({ method: 'GET', path: pathOf(userId), token, decode }, options);
  }

  /** The version of the server as it writes it. */
  version(options?: CallOptions): Promise<string> {
    return this.#call({ method: 'GET', path: '/version', decode: decodeServerVersion }, options);
  }

  #decodeUser(value: unknown): ServerProfile | null {
    return decodeServerUser(value, this.#options.baseUrl);
  }

  async #call<T>({ method, path, body, token, decode }: Call<T>, options: CallOptions = {}): Promise<T> {
    if (token !== undefined && !TOKEN.test(token)) throw new PlexichatFault('unauthorized');
    const { budgets } = this.#options;
    await budgets.turn(options.priority ?? 'background', options.signal);
    const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const headers = { ...this.#headers, ...authorization };
    const reply = await this.#request({ method, path: BASE + path, headers, body });
    const value = readJson(reply);
    if (reply.status >= 400) throw this.#fault(reply, value);
    const decoded = decode(value);
    if (decoded === null) throw new PlexichatFault('garbage', { status: reply.status });
    return decoded;
  }

  async #request(request: OutboundRequest): Promise<OutboundReply> {
    try {
      return await this.#options.outbound.request(request);
    } catch (error) {
      if (error instanceof OutboundError) throw new PlexichatFault('unavailable', { cause: error });
      throw error;
    }
  }

  #fault(reply: OutboundReply, body: unknown): PlexichatFault {
    const fault = faultOfReply({ ...reply, body }, this.#options.clock.now());
    if (fault.retryAfterMs !== null) this.#options.budgets.drain(fault.retryAfterMs);
    return fault;
  }
}

function pathOf(userId: string): string {
  return `/users/${encodeURIComponent(userId)}`;
}

/** Unknown paths answer 405, or 404 on other versions. */
function isMissing(error: unknown): boolean {
  return error instanceof PlexichatFault && (error.status === 404 || error.status === 405);
}

function bodyOf({ status, custom_status, custom_emoji }: PresenceWrite): PresenceWrite {
  const text = sendable(custom_status);
  const emoji = sendable(custom_emoji);
  return {
    status,
    ...(text !== undefined && { custom_status: text }),
    ...(text && emoji && { custom_emoji: emoji }),
  };
}

function sendable(text: string | undefined): string | undefined {
  return text?.replaceAll('\0', '').toWellFormed();
}

function readJson({ text }: OutboundReply): unknown {
  try {
    return parseServerJson(text);
  } catch {
    return undefined;
  }
}
