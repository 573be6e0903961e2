import type { Clock } from '../../presence/clock.ts';
import type { NetworkName, Person, PersonId } from '../../presence/identity.ts';
import { ownAddress } from '../../presence/identity.ts';
import type { People } from '../../presence/people.ts';
import type { Feed } from '../../presence/record.ts';
import { Serial } from '../../presence/serial.ts';
import type { PresenceService } from '../../presence/service.ts';
import type { ServerPresence } from '../../protocols/plexichat/server.ts';
import type { Shareable } from '../shareable.ts';
import { intended, sameWord } from './authorship.ts';
import type { Echoes } from './echoes.ts';
import { nullIfGone } from './gone.ts';
import type { HeldTokens } from './held-tokens.ts';
import type { Note } from './notes.ts';
import type { Receiver } from './receiver.ts';
import type { PresenceWrite } from './rest.ts';
import type { Wanted } from './wanted.ts';
import { leftOf, NOBODY, requestFor, wantedOf } from './wanted.ts';

/** Throws `PlexichatFault`. */
export interface OwnPresence {
  presence(token: string, userId: string): Promise<ServerPresence>;
  writePresence(token: string, body: PresenceWrite): Promise<ServerPresence>;
}

export interface SettlingOptions {
  readonly server: OwnPresence;
  readonly presence: Pick<PresenceService, 'apart' | 'look' | 'noteWritten'>;
  readonly people: Pick<People, 'get'>;
  readonly tokens: Pick<HeldTokens, 'of'>;
  readonly network: NetworkName;
  readonly shareable: Shareable;
  readonly receiver: Pick<Receiver, 'mark' | 'readOwn'>;
  readonly echoes: Echoes;
  /** Told that the server took a word about somebody. Must not throw. */
  readonly delivered: (person: PersonId, said: string) => void;
  readonly clock: Clock;
}

/** How somebody is, apart from what the server itself says. */
export interface Others {
  readonly userId: string;
  readonly feed: Feed | null;
  /** Whether the server may be told of her at all; if not, she is nobody elsewhere. */
  readonly told: boolean;
  readonly wanted: Wanted;
}

/** `gone`: there is nobody, or no token, to write for. `overtaken`: she spoke just now; to be done again. */
export type Settled = 'written' | 'unchanged' | 'gone' | 'overtaken';

/** Brings what the server shows of one person in line with what is shown of her, if that is the bridge's to say. */
export class Settling {
  readonly #options: SettlingOptions;
  readonly #turns = new Serial<PersonId>();

  constructor(options: SettlingOptions) {
    this.#options = options;
  }

  /** Null when she has no account there. Errors as in the store. */
  async others(id: PersonId): Promise<Others | null> {
    const { people, presence, network, shareable } = this.#options;
    const person = await people.get(id).catch(nullIfGone);
    const account = person && ownAddress(person, network);
    if (!account) return null;
    const { feed, shown } = await presence.apart(id, network);
    const told = isLinked(person) && (await shareable(person, network));
    return { userId: account.id, feed, told, wanted: told ? wantedOf(shown) : NOBODY };
  }

  /**
   * Reads what the server shows of her, with her own token, and writes what it should show. Errors as in the store and of
   * the server; it can be called again then. `leaving` takes back whatever the bridge wrote.
   */
  async settle(id: PersonId, note: Note, { leaving = false } = {}): Promise<Settled> {
    return this.#turns.run(id, async () => {
      const { tokens, server, receiver, clock } = this.#options;
      const token = await tokens.of(id);
      const account = (await this.others(id))?.userId;
      if (token === null || account === undefined) return 'gone';
      const count = note.now;
      const mark = receiver.mark(account);
      const state = await server.presence(token, account);
      const reading = await receiver.readOwn(id, state, mark);
      if (!reading) return 'overtaken';
      const { ours, before } = reading;
      const overtaken = !ours && note.isNews(before, state);
      note.read(state, ours, count);
      note.readAt = clock.now();
      if (!ours) note.sent = null;

      // An invisible person is left alone: any word of the bridge would show her.
      const mayWrite = state.mode !== 'invisible' && !overtaken && (ours || note.isOwed);
      const body = mayWrite ? await this.#write(id, token, state, note, { ours, leaving }) : null;
      note.done(count);
      return body ? 'written' : 'unchanged';
    });
  }

  async #write(
    id: PersonId,
    token: string,
    state: ServerPresence,
    note: Note,
    { ours, leaving }: { ours: boolean; leaving: boolean },
  ): Promise<PresenceWrite | null> {
    const wanted = await this.#wanted(id, ours && state.mode !== 'offline', leaving);
    const status = (ours ? note.sent : null) ?? state.status;
    const body = wanted && requestFor(wanted, { mode: state.mode, status });
    if (!body) return null;
    const { mode } = wanted;
    const { presence, network, echoes, server, delivered } = this.#options;
    const answered = echoes.expect(
      state.userId,
      mode,
      body.custom_status === undefined ? null : wanted.status,
    );
    note.sent = null;
    try {
      // Kept beforehand: what lands without a reply must never pass for her own word.
      await presence.noteWritten(id, network, intended(mode, state.seenAt));
      const { mode: kept, seenAt } = await server.writePresence(token, body);
      note.sent = wanted.status;
      delivered(id, mode);
      // Another word of hers may have come between the write and its reply: the next reading tells.
      if (!sameWord(kept, mode) || seenAt === null) return body;
      note.read({ mode, seenAt }, true, 0);
      await presence.noteWritten(id, network, { mode, at: seenAt });
    } finally {
      answered();
    }
    return body;
  }

  /** Null when nothing is to be written: she is nowhere else, and the server shows no word of the bridge. */
  async #wanted(id: PersonId, toBeTakenBack: boolean, leaving: boolean): Promise<Wanted | null> {
    const others = await this.others(id);
    if (!others) return null;
    const { feed, told, wanted } = others;
    if ((leaving || wanted.mode === 'offline') && !toBeTakenBack) return null;
    const { shown } = await this.#options.presence.look(id);
    return told && !leaving ? wantedOf(shown) : leftOf(feed, shown, this.#options.clock.now());
  }
}

/** Whether she has accounts on several networks, so that there is an elsewhere. */
function isLinked({ addresses }: Person): boolean {
  return addresses.filter(({ kind }) => kind === 'own').length > 1;
}
