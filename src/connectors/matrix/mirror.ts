import { LRUCache } from 'lru-cache';
import { isHere } from '../../presence/expiry.ts';
import type { Person, PersonId } from '../../presence/identity.ts';
import { ownAddress } from '../../presence/identity.ts';
import type { Homeserver, PresenceState } from './homeserver.ts';
import { HomeserverFault } from './homeserver-fault.ts';
import type { PushSources } from './presence-push.ts';
import { stateOf } from './presence-push.ts';
import type { WriterContext } from './presence-writer.ts';
import { isOffline, PresenceWriter } from './presence-writer.ts';

const GONE: PresenceState = { presence: 'offline' };
/** How long after its reply the homeserver may tell that somebody's end was said, ms. */
const ECHO_LASTS_MS = 10_000;

export interface MirrorOptions extends WriterContext, PushSources {
  readonly homeserver: Pick<Homeserver, 'putPresence'>;
  readonly people: {
    byId(id: PersonId): Promise<Person | null>;
    byAddress(address: { network: PushSources['network']['name']; id: string }): Promise<Person | null>;
  };
  /** The most tokens remembered; who was not heard of for longest is forgotten. */
  readonly maxTokens: number;
}

/**
 * Linked people as their own users of the homeserver, by the tokens that they came with: what they are elsewhere, without what
 * the homeserver itself said of them. Tokens are in memory only.
 */
export class Mirror implements AsyncDisposable {
  readonly #options: MirrorOptions;
  readonly #writer: PresenceWriter;
  readonly #tokens: LRUCache<string, string>;
  /** Whose tokens they are, once that is known. */
  readonly #userIds = new Map<PersonId, string>();
  readonly #people = new Map<string, PersonId>();
  readonly #looking = new Map<string, boolean>();
  /** Whose end was said here, and until when its echo is awaited, ms since 1970; Infinity while it is being said. */
  readonly #ends: LRUCache<string, number>;
  #unsubscribe: (() => void) | null = null;

  /** Writes nothing before `resume`. */
  constructor(options: MirrorOptions) {
    this.#options = options;
    this.#tokens = new LRUCache({
      max: options.maxTokens,
      dispose: (_token, userId, reason) => {
        if (reason !== 'set') this.#forget(userId);
      },
    });
    this.#ends = new LRUCache({ max: options.maxTokens });
    this.#writer = new PresenceWriter({
      ...options,
      put: (userId, state) => this.#put(userId, state),
      onEnded: () => undefined,
      onDue: async (userId) => {
        await this.#look(userId);
        this.#writer.repeat(userId);
      },
    });
  }

  get backlog(): number {
    return this.#writer.backlog;
  }

  /** The homeserver has just said that this is a token of this user. */
  verified(userId: string, token: string): void {
    if (this.#options.network.isStandIn(userId)) return;
    // A homeserver keeps presence by device: what one token began, or may have, it has to end, while it is good. And nobody
    // is to see by another token that she came while away.
    const isBegun = this.#tokens.get(userId) !== undefined && this.#writer.isTried(userId);
    if (!isBegun) this.#tokens.set(userId, token);
    if (!this.#people.has(userId)) this.#recheck(userId);
  }

  /**
   * Whether what the homeserver says of her is but what was said here in her name. Not once she is believed to be there herself:
   * then it may as well mean that nothing more than that is left. Nor ever her end, which is true whoever said it. Errors
   * as in the store.
   */
  async echoes(userId: string, presence: string, statusMsg: string | null): Promise<boolean> {
    const written = this.#writer.written(userId);
    const person = this.#people.get(userId);
    if (!written || person === undefined || presence === GONE.presence) return false;
    if (written.presence !== presence || (written.status_msg ?? null) !== statusMsg) return false;
    const { network, clock } = this.#options;
    const { feed } = await this.#options.presence.apart(person, network.name);
    return feed === null || !isHere(feed, clock.now());
  }

  /** Whether the homeserver's word that she left may be but the end that was said here in her name; true once of each. */
  echoesEnd(userId: string): boolean {
    const until = this.#ends.get(userId) ?? 0;
    this.#ends.delete(userId);
    return this.#options.clock.now() < until;
  }

  /** The homeserver takes what is said; `everybody` when it speaks another dialect than before. */
  resume(everybody: boolean): void {
    this.#unsubscribe ??= this.#options.presence.subscribe(({ person }) => this.recheck([person]));
    this.#writer.resume();
    if (everybody) for (const userId of this.#tokens.keys()) this.#recheck(userId);
  }

  pause(): void {
    this.#writer.pause();
  }

  /** Whether and how these people are shown may have changed. */
  recheck(people: Iterable<PersonId>): void {
    for (const person of people) {
      const userId = this.#userIds.get(person);
      if (userId !== undefined) this.#recheck(userId);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#unsubscribe?.();
    await this.#writer[Symbol.asyncDispose]();
    this.#tokens.clear();
  }

  #recheck(userId: string): void {
    this.#look(userId).catch((error: unknown) =>
      this.#options.report('a change could not be mirrored at the homeserver', error),
    );
  }

  /** As in the push of stand-ins: one look at a time, and one more after whatever came meanwhile. */
  async #look(userId: string): Promise<void> {
    if (this.#looking.has(userId)) {
      this.#looking.set(userId, true);
      return;
    }
    try {
      do {
        this.#looking.set(userId, false);
        await this.#show(userId);
      } while (this.#looking.get(userId));
    } finally {
      this.#looking.delete(userId);
    }
  }

  async #show(userId: string): Promise<void> {
    const { network, people, presence, shareable, dialect } = this.#options;
    const person = await people.byAddress({ network: network.name, id: userId });
    if (!this.#tokens.has(userId)) return;
    const isHers = person !== null && ownAddress(person, network.name)?.id === userId;
    if (isHers) this.#remember(userId, person.id);
    if (!isHers || !isLinked(person)) {
      this.#writer.want(userId, GONE);
      return;
    }
    const { shown } = await presence.apart(person.id, network.name);
    const isShared = await shareable(person, network.name);
    if (this.#tokens.has(userId)) this.#writer.want(userId, isShared ? stateOf(shown, dialect()) : GONE);
  }

  async #put(userId: string, state: PresenceState): Promise<void> {
    const token = this.#tokens.peek(userId);
    if (token === undefined) return;
    // The homeserver may tell of it before it replies.
    if (isOffline(state)) this.#ends.set(userId, Infinity);
    try {
      await this.#options.homeserver.putPresence(userId, state, { token });
      const person = this.#people.get(userId);
      if (person !== undefined) this.#options.delivered(person, state.presence);
    } catch (fault) {
      if (!(fault instanceof HomeserverFault)) throw fault;
      if (fault.kind !== 'unknown_token' && fault.kind !== 'forbidden') throw fault;
      if (this.#tokens.peek(userId) !== token) {
        await this.#put(userId, state);
        return;
      }
      this.#tokens.delete(userId);
      const { reason, status, errcode } = fault;
      throw new HomeserverFault({ kind: 'refused', reason, status, errcode });
    } finally {
      if (this.#ends.has(userId)) this.#ends.set(userId, this.#options.clock.now() + ECHO_LASTS_MS);
    }
  }

  #remember(userId: string, person: PersonId): void {
    const before = this.#people.get(userId);
    if (before !== undefined) this.#userIds.delete(before);
    this.#people.set(userId, person);
    this.#userIds.set(person, userId);
  }

  /** Without a token nothing can be said of her any more. */
  #forget(userId: string): void {
    const person = this.#people.get(userId);
    if (person !== undefined) this.#userIds.delete(person);
    this.#people.delete(userId);
    this.#writer.forget(userId);
  }
}

/** Whether she has accounts of her own on more than one network. */
function isLinked({ addresses }: Person): boolean {
  return new Set(addresses.filter(({ kind }) => kind === 'own').map(({ network }) => network)).size > 1;
}
