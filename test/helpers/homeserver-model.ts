import type { ManualClock } from './clock.ts';

export interface ModelOptions {
  readonly clock: ManualClock;
  readonly serverName: string;
  readonly asToken: string;
  readonly senderLocalpart: string;
  /** Whose users the application service may be. */
  readonly namespace: RegExp;
}

export interface Asking {
  readonly method: string;
  /** Decoded segments after `/_matrix/…/v3/`, or the whole path where it begins otherwise. */
  readonly path: readonly string[];
  /** `user_id` of the query. */
  readonly masquerade: string | null;
  readonly token: string | null;
  readonly body: any;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly headers?: Record<string, string>;
}

interface Presence {
  readonly presence: string;
  readonly status_msg?: string;
  readonly at: number;
}

interface Room {
  readonly alias: string | null;
  isPublic: boolean;
  readonly invited: Set<string>;
  readonly joined: Set<string>;
}

const OFFLINE = { presence: 'offline' } as const;
const WORDS = ['online', 'unavailable', 'offline'];
const BUSY = 'org.matrix.msc3026.busy';

/** What a homeserver holds, and what it answers to an application service and to users. */
export class HomeserverModel {
  /** Members' profiles by user id. */
  readonly users = new Map<string, { displayname?: string; avatar_url?: string }>();
  readonly rooms = new Map<string, Room>();
  readonly tokens = new Map<string, string>();
  readonly uploads: { readonly type: string | undefined; readonly size: number }[] = [];
  /** MSC3026. */
  busy = false;
  versions = ['r0.6.1', 'v1.1', 'v1.7', 'v1.11'];
  /** How long presence lasts that nobody repeats, ms; what servers guarantee at least. */
  lastsMs = 30_000;
  /** Between presence writes of one user, ms. */
  everyMs = 0;
  /** What a ping of the application service comes to. */
  pingAnswer: Answer = { status: 200, body: { duration_ms: 1 } };
  /** Whom the application service token belongs to, where it is not the sender. */
  sender: string | null = null;
  readonly #options: ModelOptions;
  readonly #presence = new Map<string, Presence>();

  constructor(options: ModelOptions) {
    this.#options = options;
  }

  get senderId(): string {
    return this.sender ?? this.#id(this.#options.senderLocalpart);
  }

  addUser(localpart: string, token: string): string {
    const id = this.#id(localpart);
    this.users.set(id, {});
    this.tokens.set(token, id);
    return id;
  }

  addRoom(alias: string | null, isPublic = true, joined: string[] = []): string {
    const id = `!room${this.rooms.size}:${this.#options.serverName}`;
    this.rooms.set(id, { alias, isPublic, invited: new Set(), joined: new Set(joined) });
    return id;
  }

  /** As others see it now, once time has done its part. */
  presenceOf(userId: string): { presence: string; status_msg?: string; last_active_ago?: number } {
    const said = this.#presence.get(userId);
    if (!said) return OFFLINE;
    const { at, presence, ...status } = said;
    const age = this.#options.clock.now() - at;
    const lasts = presence === BUSY ? 3_600_000 : this.lastsMs;
    return { ...status, presence: age > lasts ? 'offline' : presence, last_active_ago: age };
  }

  /** She says so to the homeserver, by some other way than through the bridge. */
  say(userId: string, state: { presence: string; status_msg?: string }): void {
    this.#presence.set(userId, { ...state, at: this.#options.clock.now() });
  }

  /** The event that homeservers push to application services. */
  event(userId: string): object {
    return { type: 'm.presence', sender: userId, content: this.presenceOf(userId) };
  }

  answer(asking: Asking): Answer {
    const [what = '', ...rest] = asking.path;
    if (what === 'versions') return this.#versions();
    const isService = asking.token === this.#options.asToken;
    const owner = isService ? this.senderId : (this.tokens.get(asking.token ?? '') ?? null);
    if (owner === null) return failure(401, 'M_UNKNOWN_TOKEN');
    if (what === 'register') return this.#register(asking.body.username);
    const speaker = isService ? (asking.masquerade ?? owner) : owner;
    if (speaker !== owner && !this.#isOurs(speaker)) return failure(403, 'M_FORBIDDEN');
    if (speaker !== owner && !this.users.has(speaker)) return failure(403, 'M_FORBIDDEN');
    switch (what) {
      case 'account':
        return ok({ user_id: speaker });
      case 'ping':
        return this.pingAnswer;
      case 'upload':
        this.uploads.push({ type: asking.body?.type, size: asking.body?.size });
        return ok({ content_uri: `mxc://${this.#options.serverName}/upload${this.uploads.length}` });
      case 'profile':
        return this.#profile(asking, speaker, rest);
      case 'presence':
        if (asking.method === 'GET') return this.#getPresence(speaker, rest[0] ?? '');
        return this.#putPresence(speaker, rest[0] ?? '', asking.body);
      case 'directory':
        return this.#resolve(rest[1] ?? '');
      default:
        return this.#room(what, rest, speaker, asking.body);
    }
  }

  #versions(): Answer {
    return ok({
      versions: this.versions,
      unstable_features: { 'org.matrix.msc3026.busy_presence': this.busy },
    });
  }

  #register(localpart: string): Answer {
    const id = this.#id(localpart);
    if (!this.#isOurs(id)) return failure(400, 'M_EXCLUSIVE');
    if (this.users.has(id)) return failure(400, 'M_USER_IN_USE');
    this.users.set(id, { displayname: localpart });
    return ok({ user_id: id });
  }

  #profile({ method, body }: Asking, speaker: string, [id = '', key]: string[]): Answer {
    const profile = this.users.get(id);
    if (!profile) return failure(404, 'M_NOT_FOUND');
    if (method === 'GET') return ok(profile);
    if (speaker !== id) return failure(403, 'M_FORBIDDEN');
    this.users.set(id, { ...profile, [key ?? '']: body[key ?? ''] });
    return ok({});
  }

  /** Synapse: those who share a room see each other. */
  #getPresence(speaker: string, id: string): Answer {
    const sees = [...this.rooms.values()].some(({ joined }) => joined.has(speaker) && joined.has(id));
    return sees || speaker === id ? ok(this.presenceOf(id)) : failure(403, 'M_FORBIDDEN');
  }

  #putPresence(speaker: string, id: string, body: any): Answer {
    if (speaker !== id) return failure(403, 'M_FORBIDDEN');
    const now = this.#options.clock.now();
    if (![...WORDS, ...(this.busy ? [BUSY] : [])].includes(body.presence)) {
      return failure(400, 'M_UNKNOWN');
    }
    const wait = (this.#presence.get(id)?.at ?? -Infinity) + this.everyMs - now;
    if (wait > 0) return failure(429, 'M_LIMIT_EXCEEDED', { retry_after_ms: wait });
    this.#presence.set(id, { ...body, at: now });
    return ok({});
  }

  #resolve(alias: string): Answer {
    const found = [...this.rooms].find(([, room]) => room.alias === alias);
    return found ? ok({ room_id: found[0], servers: [] }) : failure(404, 'M_NOT_FOUND');
  }

  #room(what: string, [name = '', action]: string[], speaker: string, body: any): Answer {
    if (what === 'createRoom') {
      return ok({
        room_id: this.addRoom(`#${body.room_alias_name}:${this.#options.serverName}`, true, [speaker]),
      });
    }
    const found = [...this.rooms].find(([id, { alias }]) => id === name || alias === name);
    if (!found) return failure(404, 'M_NOT_FOUND');
    const [id, room] = found;
    if (action === 'joined_members') return this.#members(room, speaker);
    if (action === 'invite') {
      if (!room.joined.has(speaker)) return failure(403, 'M_FORBIDDEN');
      room.invited.add(body.user_id);
      return ok({});
    }
    const mayEnter = room.isPublic || room.invited.has(speaker) || room.joined.has(speaker);
    if (what !== 'join' || !mayEnter) return failure(403, 'M_FORBIDDEN');
    room.joined.add(speaker);
    return ok({ room_id: id });
  }

  #members(room: Room, speaker: string): Answer {
    if (!room.joined.has(speaker)) return failure(403, 'M_FORBIDDEN');
    const joined = [...room.joined].map((id) => {
      const { displayname: display_name, avatar_url } = this.users.get(id) ?? {};
      return [id, { display_name, avatar_url }];
    });
    return ok({ joined: Object.fromEntries(joined) });
  }

  #isOurs(id: string): boolean {
    return id === this.#id(this.#options.senderLocalpart) || this.#options.namespace.test(id);
  }

  #id(localpart: string): string {
    return `@${localpart}:${this.#options.serverName}`;
  }
}

export function ok(body: unknown): Answer {
  return { status: 200, body };
}

export function failure(status: number, errcode: string, more: object = {}): Answer {
  return { status, body: { errcode, error: 'Prose of the homeserver', ...more } };
}
