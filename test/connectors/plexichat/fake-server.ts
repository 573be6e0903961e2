import type { Clock } from '../../../src/presence/clock.ts';
import type { Mode, SeenStatus } from '../../../src/presence/record.ts';
import type { ServerApi } from '../../../src/connectors/plexichat/server-api.ts';
import { PlexichatFault } from '../../../src/connectors/plexichat/fault.ts';
import type { GatewayEvents } from '../../../src/connectors/plexichat/gateway-client.ts';
import type { PresenceWrite } from '../../../src/connectors/plexichat/rest.ts';
import type { ServerPresence } from '../../../src/protocols/plexichat/server.ts';

export interface Row {
  readonly mode: Mode;
  readonly status: SeenStatus;
  readonly seenAt: number | null;
}

export type Call = keyof ServerApi;

/** `before`: nothing was done. `after`: it was done, but no reply comes. `hang`: neither answer nor end. */
export type Failure =
  { readonly when: 'before' | 'after'; readonly error: Error } | { readonly when: 'hang' };

const UNSET: Row = { mode: 'offline', status: { text: null, emoji: null }, seenAt: null };

/** The answers of a real server without the wire: its states, lists with their caches, and events that it may drop. */
export class FakeServer {
  readonly bridge = { id: '1001', token: '1.bridge' };
  readonly rows = new Map<string, Row>();
  /** By token; bot tokens act as their owner. */
  readonly owners = new Map<string, string>([[this.bridge.token, this.bridge.id]]);
  /** URLs, by user. */
  readonly pictures = new Map<string, string>();
  readonly friends = new Set<string>();
  readonly guilds = new Map<string, Set<string>>();
  readonly calls: { readonly call: Call; readonly token: string; readonly of: string }[] = [];
  readonly writes: { readonly userId: string; readonly write: PresenceWrite; readonly was: Row }[] = [];
  /** What becomes of a call; null lets it be. */
  fails: (call: Call, of: string) => Failure | null = () => null;
  dropsEvents = false;
  /** Whether a call was left without an end. */
  hangs = false;
  /** ms that the clock of the server is ahead. */
  skew = 0;
  listAge = { relationships: 0, members: 0 };
  readonly #clock: Clock;
  readonly #lists = new Map<string, { at: number; users: ServerPresence[] }>();
  #events: GatewayEvents | null = null;
  #seenAt = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  row(userId: string): Row {
    return this.rows.get(userId) ?? UNSET;
  }

  /** A write by her own client. */
  write(userId: string, mode: Mode, status?: Partial<SeenStatus>): void {
    const said = status && { text: null, emoji: null, ...status };
    this.#put(userId, mode, said);
    this.#emit(userId, mode, said);
  }

  /** READY reaches the bridge. */
  connect(events: GatewayEvents, resumed = false): void {
    this.#events = events;
    events.ready({ userId: this.bridge.id, guildIds: [...this.guilds.keys()], resumed });
  }

  disconnect(): void {
    this.#events?.down('closed');
    this.#events = null;
  }

  /** The process of the bridge is gone. */
  forget(): void {
    this.#events = null;
  }

  /** The next such call fails. */
  failOnce(call: Call, when: Failure['when'], error: Error): void {
    this.fails = (each) => {
      if (each !== call) return null;
      this.fails = () => null;
      return when === 'hang' ? { when } : { when, error };
    };
  }

  get events(): GatewayEvents {
    if (!this.#events) throw new Error('the bridge is not connected');
    return this.#events;
  }

  /** The API for one process of the bridge; nothing more comes of it once `dead` says so. */
  api(dead: () => boolean): ServerApi {
    const never = new Promise<never>(() => undefined);
    const answer = async <T>(call: Call, token: string, of: string, done: () => T): Promise<T> => {
      await Promise.resolve();
      if (dead()) return never;
      this.calls.push({ call, token, of });
      const failure = this.fails(call, of);
      this.hangs ||= failure?.when === 'hang';
      if (failure?.when === 'before') throw failure.error;
      const owner = this.owners.get(token);
      if (owner === undefined && call !== 'version')
        throw new PlexichatFault('unauthorized', { status: 401 });
      const reply = done();
      if (failure?.when === 'after') throw failure.error;
      await Promise.resolve();
      return failure || dead() ? never : reply;
    };
    const ownerOf = (token: string) => this.owners.get(token) ?? '';
    return {
      version: () => answer('version', '', '', () => 'a.1.0-132'),
      identify: (token) => answer('identify', token, '', () => ownerOf(token)),
      presence: (token, id) => answer('presence', token, id, () => this.#seenBy(ownerOf(token), id)),
      writePresence: (token, write) =>
        answer('writePresence', token, '', () => this.#write(ownerOf(token), write)),
      relationships: (token) =>
        answer('relationships', token, '', () => this.#list('relationships', [...this.friends])),
      members: (token, guildId) =>
        answer('members', token, guildId, () => {
          const members = this.guilds.get(guildId);
          if (!members) throw new PlexichatFault('forbidden', { status: 403 });
          return this.#list('members', [...members], guildId);
        }),
      user: (token, userId) => answer('user', token, userId, () => this.#profile(userId)),
    };
  }

  #profile(userId: string) {
    return { userId, username: `user ${userId}`, avatarUrl: this.pictures.get(userId) ?? null };
  }

  #write(userId: string, write: PresenceWrite): ServerPresence {
    this.writes.push({ userId, write, was: this.row(userId) });
    const { custom_status: text, custom_emoji: emoji } = write;
    const status = text === undefined ? undefined : { text: text || null, emoji: emoji ?? null };
    this.#put(userId, write.status, status);
    // The event may come before the reply.
    this.#emit(userId, write.status, status);
    return { userId, ...this.row(userId) };
  }

  #put(userId: string, mode: Mode, status?: SeenStatus): void {
    this.#seenAt = Math.max(this.#seenAt + 1, this.#clock.now() + this.skew);
    this.rows.set(userId, { mode, status: status ?? this.row(userId).status, seenAt: this.#seenAt });
  }

  /** The text given with `invisible` leaks, as it does on the real server. */
  #emit(userId: string, mode: Mode, status?: SeenStatus): void {
    if (!this.#events || this.dropsEvents) return;
    this.#events.presence({ userId, mode: mode === 'invisible' ? 'offline' : mode, status });
  }

  #seenBy(reader: string, userId: string): ServerPresence {
    const row = this.row(userId);
    return { userId, ...(row.mode === 'invisible' && reader !== userId ? UNSET : row) };
  }

  #list(kind: 'relationships' | 'members', ids: string[], key = '') {
    const now = this.#clock.now();
    const cached = this.#lists.get(kind + key);
    const fresh = cached && now - cached.at < this.listAge[kind];
    const list = fresh ? cached : { at: now, users: ids.map((id) => this.#seenBy(this.bridge.id, id)) };
    this.#lists.set(kind + key, list);
    return list.users.map(({ userId, mode }) => ({ ...this.#profile(userId), mode }));
  }
}
