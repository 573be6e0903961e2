import type { NetworkName, Person, PersonId } from '../../presence/identity.ts';
import { ownAddress } from '../../presence/identity.ts';
import type { Network } from '../../presence/network.ts';
import { idOn } from '../../presence/network.ts';
import type { PresenceService } from '../../presence/service.ts';
import type { Shown } from '../../presence/shown.ts';
import type { MatrixDialect } from '../../protocols/matrix/dialect.ts';
import { MODERN_WITH_BUSY } from '../../protocols/matrix/dialect.ts';
import type { BusyNotes } from './busy-notes.ts';
import type { PresenceState } from './homeserver.ts';
import type { WriterContext } from './presence-writer.ts';
import { PresenceWriter } from './presence-writer.ts';
import type { Face, StandIns } from './stand-ins.ts';

const GONE: PresenceState = { presence: 'offline' };
const NO_FACE: Face = { displayName: null, avatarUrl: null };
const BUSY = MODERN_WITH_BUSY.words.dnd;

export interface PushSources {
  readonly network: Network;
  readonly people: { byId(id: PersonId): Promise<Person | null> };
  readonly presence: Pick<PresenceService, 'present' | 'look' | 'apart' | 'subscribe'>;
  readonly shareable: (person: Person, network: NetworkName) => Promise<boolean>;
  /** As the homeserver speaks now. */
  readonly dialect: () => MatrixDialect;
  /** Told that the homeserver took a word about somebody. Must not throw. */
  readonly delivered: (person: PersonId, said: string) => void;
}

export interface PresencePushOptions extends WriterContext, PushSources {
  readonly standIns: Pick<StandIns, 'put'>;
  /** Whose word outlives the bridge. */
  readonly busy: Pick<BusyNotes, 'all' | 'add' | 'remove'>;
  /** Told of every state that the homeserver took, by `changed` whether it was another than before. Must not throw. */
  readonly onWritten: (changed: boolean) => void;
}

interface StandIn {
  readonly person: PersonId;
  readonly face: Face;
}

/** What stands in for people of elsewhere shows them at the homeserver, as `shown` has it and as long as it lasts. */
export class PresencePush implements AsyncDisposable {
  readonly #options: PresencePushOptions;
  readonly #writer: PresenceWriter;
  readonly #standIns = new Map<string, StandIn>();
  readonly #ids = new Map<PersonId, string>();
  /** People who are being looked at; true when they must be looked at again. */
  readonly #looking = new Map<PersonId, boolean>();
  #unsubscribe: (() => void) | null = null;

  /** Does nothing before `resume`. */
  constructor(options: PresencePushOptions) {
    this.#options = options;
    this.#writer = new PresenceWriter({
      ...options,
      put: (userId, state) => this.#put(userId, state),
      onEnded: (userId) => this.#drop(userId),
      onDue: (userId) => this.#due(userId),
    });
  }

  /** Stand-ins who are there. */
  get size(): number {
    return this.#writer.size;
  }

  get backlog(): number {
    return this.#writer.backlog;
  }

  /** The homeserver takes what is said; at first, and whenever it speaks another dialect, that is everybody. Errors as in the store. */
  async resume(everybody: boolean): Promise<void> {
    const { presence, busy } = this.#options;
    this.#unsubscribe ??= presence.subscribe(({ person }) => this.recheck([person]));
    this.#writer.resume();
    if (!everybody) return;
    for await (const { person } of presence.present()) await this.#look(person);
    for (const userId of await busy.all()) this.#writer.end(userId);
  }

  pause(): void {
    this.#writer.pause();
  }

  /** Whether and how these people are shown may have changed. */
  recheck(people: Iterable<PersonId>): void {
    for (const person of people) {
      this.#look(person).catch((error: unknown) =>
        this.#options.report('a change could not be pushed to the homeserver', error),
      );
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#unsubscribe?.();
    await this.#writer[Symbol.asyncDispose]();
  }

  async #due(userId: string): Promise<void> {
    const standIn = this.#standIns.get(userId);
    if (!standIn) {
      this.#writer.forget(userId);
      return;
    }
    await this.#look(standIn.person);
    this.#writer.repeat(userId);
  }

  /** Finds out how she is to be shown. Changes that come meanwhile are looked at together, afterwards. */
  async #look(id: PersonId): Promise<void> {
    if (this.#looking.has(id)) {
      this.#looking.set(id, true);
      return;
    }
    try {
      do {
        this.#looking.set(id, false);
        await this.#show(id);
      } while (this.#looking.get(id));
    } finally {
      this.#looking.delete(id);
    }
  }

  async #show(id: PersonId): Promise<void> {
    const { network, people, presence, shareable, dialect } = this.#options;
    const before = this.#ids.get(id);
    const person = await people.byId(id);
    const userId = person && !ownAddress(person, network.name) ? idOn(person, network) : null;
    if (before !== undefined && before !== userId) this.#writer.want(before, GONE);
    if (!person || userId === null) return;
    const { shown } = await presence.look(id);
    const state = (await shareable(person, network.name)) ? stateOf(shown, dialect()) : GONE;
    if (before !== userId && state.presence === 'offline') return;
    const { displayName, avatarUrl } = person;
    this.#standIns.set(userId, { person: id, face: { displayName, avatarUrl } });
    this.#ids.set(id, userId);
    this.#writer.want(userId, state);
  }

  /** Noted beforehand: what the homeserver believes for long must not be forgotten with the process. */
  async #put(userId: string, state: PresenceState): Promise<void> {
    const { standIns, busy, delivered } = this.#options;
    const standIn = this.#standIns.get(userId);
    const isBusy = state.presence === BUSY;
    if (isBusy) await busy.add(userId);
    await standIns.put(userId, standIn?.face ?? NO_FACE, state);
    if (standIn) delivered(standIn.person, state.presence);
    if (!isBusy) await this.#unnote(userId);
  }

  /** Whoever stays noted is but said to be gone once more, after the next start. */
  async #unnote(userId: string): Promise<void> {
    const { busy, report } = this.#options;
    try {
      await busy.remove(userId);
    } catch (error) {
      report('that somebody is busy no more could not be noted', error);
    }
  }

  #drop(userId: string): void {
    void this.#unnote(userId);
    const standIn = this.#standIns.get(userId);
    this.#standIns.delete(userId);
    if (standIn && this.#ids.get(standIn.person) === userId) this.#ids.delete(standIn.person);
  }
}

/** What others are shown, in the homeserver's words. */
export function stateOf(shown: Shown, dialect: MatrixDialect): PresenceState {
  const { text } = dialect.see(shown.status);
  return { presence: dialect.words[shown.mode], ...(text !== null && text !== '' && { status_msg: text }) };
}
