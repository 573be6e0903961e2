import type { Clock } from '../../presence/clock.ts';
import type { Homeserver, ServerProfile } from './homeserver.ts';
import { HomeserverFault } from './homeserver-fault.ts';

/** How long a room that could not be had is not asked for again, ms. */
const RETRY_AFTER_MS = 30_000;

export interface RoomOptions {
  readonly homeserver: Pick<
    Homeserver,
    'register' | 'resolveAlias' | 'createRoom' | 'join' | 'invite' | 'joinedMembers'
  >;
  /** Its id or its alias; an alias without a domain is one of `serverName`. */
  readonly room: string;
  /** The domain of the homeserver's users. */
  readonly serverName: string;
  /** Localpart of the bridge's own user. */
  readonly senderLocalpart: string;
  readonly clock: Clock;
}

/** The room that stand-ins are in, so that somebody can see their presence. */
export class Room {
  readonly #options: RoomOptions;
  #open: Promise<string> | null = null;
  #failed: { readonly until: number; readonly fault: unknown } | null = null;

  constructor(options: RoomOptions) {
    this.#options = options;
  }

  /** The id of the room, with the bridge's own user in it; made where it is ours to make. Throws HomeserverFault. */
  async open(): Promise<string> {
    const { clock } = this.#options;
    if (this.#failed && clock.now() < this.#failed.until) throw this.#failed.fault;
    const open = (this.#open ??= this.#enter());
    try {
      return await open;
    } catch (fault) {
      this.#failed = { until: clock.now() + RETRY_AFTER_MS, fault };
      if (this.#open === open) this.#open = null;
      throw fault;
    }
  }

  /** Who is in it now; null where the list cannot be had, being too long, say. Throws HomeserverFault. */
  async members(): Promise<Map<string, ServerProfile> | null> {
    const id = await this.open();
    try {
      return await this.#options.homeserver.joinedMembers(id);
    } catch (error) {
      if (error instanceof HomeserverFault) return null;
      throw error;
    }
  }

  /** Brings a registered user in, by invitation where the door is closed. Throws HomeserverFault. */
  async admit(userId: string): Promise<void> {
    const { homeserver } = this.#options;
    const id = await this.open();
    try {
      await homeserver.join(id, userId);
    } catch (fault) {
      if (!(fault instanceof HomeserverFault)) throw fault;
      // The room may be gone, and its alias lead to another.
      if (fault.status === 404) this.#open = null;
      if (fault.kind !== 'forbidden') throw fault;
      await homeserver.invite(id, userId);
      await homeserver.join(id, userId);
    }
  }

  async #enter(): Promise<string> {
    const { homeserver, senderLocalpart } = this.#options;
    await homeserver.register(senderLocalpart);
    return homeserver.join(await this.#find());
  }

  async #find(): Promise<string> {
    const { homeserver, room, serverName } = this.#options;
    if (!room.startsWith('#')) return room;
    const localpart = room.slice(1).split(':', 1)[0] ?? '';
    const alias = room.includes(':') ? room : `${room}:${serverName}`;
    const id = await homeserver.resolveAlias(alias);
    if (id !== null) return id;
    if (alias !== `#${localpart}:${serverName}`) {
      throw new HomeserverFault({ kind: 'refused', reason: 'the room does not exist', status: 404 });
    }
    return homeserver.createRoom(localpart);
  }
}
