import { LRUCache } from 'lru-cache';
import type { Clock } from '../../presence/clock.ts';
import type { Profile } from '../../presence/identity.ts';
import type { Homeserver, PresenceState } from './homeserver.ts';
import { HomeserverFault } from './homeserver-fault.ts';
import type { Room } from './room.ts';

/** How long a stand-in whom the homeserver does not want is left alone, ms. */
const RETRY_AFTER_MS = 600_000;

export interface StandInsOptions {
  readonly homeserver: Pick<
    Homeserver,
    'register' | 'profile' | 'setDisplayName' | 'setAvatarUrl' | 'uploadMedia' | 'putPresence'
  >;
  /** Null: they are in no room, and hardly anybody sees them. */
  readonly room: Pick<Room, 'members' | 'admit'> | null;
  /** The picture at a URL that is no `mxc` URI; null where it must not or cannot be had. */
  readonly fetchAvatar: (url: string) => Promise<{ bytes: Uint8Array; type: string } | null>;
  readonly clock: Clock;
  /** The most stand-ins remembered. */
  readonly remembered: number;
  readonly logger: { warn(details: object, message: string): void };
}

export type Face = Pick<Profile, 'displayName' | 'avatarUrl'>;

/** How a stand-in was last left at the homeserver. */
interface Known {
  readonly displayName: string | null;
  /** Where her picture came from; undefined while nobody remembers. */
  readonly source: string | null | undefined;
  /** The picture itself, an `mxc` URI. */
  readonly picture: string | null;
}

/**
 * The users of the homeserver who stand for people of elsewhere. Nothing is asked beforehand but who is in the room: what
 * is missing is made when the homeserver says so, and what is there already is not written again.
 */
export class StandIns {
  readonly #options: StandInsOptions;
  readonly #known: LRUCache<string, Known>;
  readonly #refused: LRUCache<string, number>;
  readonly #settingUp = new Map<string, Promise<void>>();
  /** Who is in the room is known: all of them, or none. */
  #learned: 'all' | 'none' | null = null;
  #problem: string | null = null;

  constructor(options: StandInsOptions) {
    this.#options = options;
    this.#known = new LRUCache({ max: options.remembered });
    this.#refused = new LRUCache({ max: options.remembered });
  }

  /** Why the last stand-in could not be set up, in a few words; null when she could. */
  get problem(): string | null {
    return this.#problem;
  }

  /** Says how she is. Makes her first where she is missing, unless it is only to say that she is gone. Throws HomeserverFault. */
  async put(userId: string, face: Face, state: PresenceState): Promise<void> {
    const { homeserver } = this.#options;
    const gone = state.presence === 'offline';
    try {
      await homeserver.putPresence(userId, state, { as: userId });
    } catch (fault) {
      if (gone && isMissing(fault)) return;
      if (!isMissing(fault) || this.#isRefused(userId)) throw fault;
      this.#known.delete(userId);
      await this.ensure(userId, face);
      await homeserver.putPresence(userId, state, { as: userId });
      return;
    }
    if (!gone) await this.#settle(userId, face);
  }

  /** Makes her if need be, with this name and picture, and brings her into the room. Throws HomeserverFault. */
  async ensure(userId: string, face: Face): Promise<void> {
    const running = this.#settingUp.get(userId);
    if (running) return running;
    const setUp = this.#setUp(userId, face).finally(() => this.#settingUp.delete(userId));
    this.#settingUp.set(userId, setUp);
    return setUp;
  }

  /** Makes up for what a stand-in who can speak may lack. Her word has been taken already, so nothing is thrown. */
  async #settle(userId: string, face: Face): Promise<void> {
    if (this.#isRefused(userId)) return;
    try {
      if (!(await this.#isSettled(userId, face))) await this.ensure(userId, face);
    } catch (fault) {
      if (!(fault instanceof HomeserverFault)) throw fault;
    }
  }

  async #isSettled(userId: string, face: Face): Promise<boolean> {
    const learned = (this.#learned ??= await this.#learnMembers());
    const known = this.#known.get(userId);
    // Where nobody can tell she has been set up once, since she speaks, and this is taken for how.
    if (!known && learned === 'all') return false;
    const source = known && known.source === undefined ? sourceOf(known, face) : known?.source;
    const base = known ? { ...known, source } : { ...face, source: face.avatarUrl, picture: null };
    this.#known.set(userId, base);
    return sameFace(base, face);
  }

  /** One request tells of all stand-ins who need nothing. */
  async #learnMembers(): Promise<'all' | 'none'> {
    const { room } = this.#options;
    const members = await room?.members().catch((fault: unknown) => this.#fail(null, fault));
    for (const [userId, { displayName, avatarUrl: picture }] of members ?? []) {
      if (!this.#known.has(userId)) this.#known.set(userId, { displayName, picture, source: undefined });
    }
    return members ? 'all' : 'none';
  }

  async #setUp(userId: string, face: Face): Promise<void> {
    const { homeserver, room } = this.#options;
    try {
      await homeserver.register(localpartOf(userId));
      const picture = await this.#setFace(userId, face);
      await room?.admit(userId);
      this.#known.set(userId, { displayName: face.displayName, source: face.avatarUrl, picture });
      this.#refused.delete(userId);
      this.#problem = null;
    } catch (fault) {
      this.#fail(userId, fault);
    }
  }

  /** Writes what differs, since every write is an event in each of her rooms; her picture from now on. */
  async #setFace(userId: string, { displayName, avatarUrl }: Face): Promise<string | null> {
    const { homeserver } = this.#options;
    const before = await homeserver.profile(userId);
    if (displayName !== null && displayName !== before?.displayName) {
      await homeserver.setDisplayName(userId, displayName);
    }
    const picture =
      (await this.#picture(userId, avatarUrl, before?.avatarUrl ?? null)) ?? before?.avatarUrl ?? null;
    if (picture !== null && picture !== before?.avatarUrl) await homeserver.setAvatarUrl(userId, picture);
    return picture;
  }

  async #picture(userId: string, url: string | null, before: string | null): Promise<string | null> {
    if (url === null || url.startsWith('mxc://')) return url;
    // One from before a restart is not uploaded again just because nobody remembers where it came from.
    const source = this.#known.get(userId)?.source;
    return before !== null && (source === undefined || source === url) ? before : this.#upload(url);
  }

  /** Nobody goes without a presence for want of a picture. */
  async #upload(url: string): Promise<string | null> {
    const { homeserver, fetchAvatar } = this.#options;
    const picture = await fetchAvatar(url).catch(() => null);
    try {
      return picture && (await homeserver.uploadMedia(picture.bytes, picture.type));
    } catch (fault) {
      if (isFinal(fault)) return null;
      throw fault;
    }
  }

  #fail(userId: string | null, fault: unknown): never {
    if (isFinal(fault)) {
      const { reason, errcode } = fault;
      if (userId !== null) this.#refused.set(userId, this.#options.clock.now() + RETRY_AFTER_MS);
      if (this.#problem === null) {
        this.#options.logger.warn({ reason, errcode }, 'a stand-in could not be set up at the homeserver');
      }
      this.#problem = errcode === null ? reason : `${reason} (${errcode})`;
    }
    throw fault;
  }

  #isRefused(userId: string): boolean {
    return this.#options.clock.now() < (this.#refused.get(userId) ?? 0);
  }
}

function sameFace(known: Known, face: Face): boolean {
  const sameName = face.displayName === null || known.displayName === face.displayName;
  return sameName && (face.avatarUrl === null || known.source === face.avatarUrl);
}

/** Where a picture from before is taken to come from: from where hers does, unless that is another one for certain. */
function sourceOf({ picture }: Known, { avatarUrl }: Face): string | null {
  return picture === null || avatarUrl === null || avatarUrl.startsWith('mxc://') ? picture : avatarUrl;
}

/** Whether trying again at once would be answered in the same way. */
function isFinal(fault: unknown): fault is HomeserverFault {
  return fault instanceof HomeserverFault && (fault.kind === 'refused' || fault.kind === 'forbidden');
}

/** Whether the homeserver does not know the user, or does not let the bridge speak for her. */
function isMissing(fault: unknown): boolean {
  if (!(fault instanceof HomeserverFault)) return false;
  return fault.kind === 'forbidden' || (fault.kind === 'refused' && fault.status === 404);
}

function localpartOf(userId: string): string {
  return userId.slice(1, userId.indexOf(':'));
}
