import type { Clock } from '../../presence/clock.ts';
import { BridgeError } from '../../presence/errors.ts';
import type { Person, PersonId } from '../../presence/identity.ts';
import type { Network } from '../../presence/network.ts';
import type { AccountProfile, Newcomers } from '../../presence/newcomers.ts';
import type { People } from '../../presence/people.ts';
import type { Mode, SeenStatus } from '../../presence/record.ts';
import { Serial } from '../../presence/serial.ts';
import type { ServerMember, ServerPresence } from '../../protocols/plexichat/server.ts';
import type { ConnectorMetrics } from '../metrics.ts';
import { sameWord } from './authorship.ts';
import type { Echoes } from './echoes.ts';
import type { Intake, Reading } from './intake.ts';
import type { Log } from './log.ts';

/** People whose events wait to be taken; what comes beyond is left to the next reconciliation. */
const MAX_WAITING = 10_000;
/** People of whom the time of the last word is kept. */
const MAX_MARKS = 10_000;

/** What the gateway says of somebody. */
export interface Heard {
  readonly userId: string;
  readonly mode: Mode;
  /** Absent when the event does not tell. */
  readonly status?: SeenStatus | undefined;
  /** Absent or null when the event does not tell. */
  readonly username?: string | null;
  /** Absent when the event does not tell. */
  readonly avatarUrl?: string | null | undefined;
}

export interface ReceiverOptions {
  readonly people: Pick<People, 'find'>;
  readonly newcomers: Pick<Newcomers, 'find'>;
  readonly network: Network;
  readonly intake: Intake;
  readonly echoes: Echoes;
  readonly clock: Clock;
  /** Asks the server who an account is; throws as the server's client does. */
  readonly profileOf: (userId: string) => Promise<AccountProfile>;
  /** Told of her word. Must not throw. */
  readonly said: (person: PersonId, mode: Mode) => void;
  /** Told that the server must be asked how she is. Must not throw. */
  readonly doubted: (person: PersonId, userId: string) => void;
  readonly log: Log;
  readonly metrics: Pick<ConnectorMetrics, 'received'>;
}

interface Waiting extends Heard {
  /** Whether it may be what the bridge wrote. */
  readonly late: boolean;
}

/** A moment at which the server spoke of somebody. */
interface Mark {
  /** Milliseconds since 1970. */
  readonly at: number;
}

type Outcome = Parameters<ConnectorMetrics['received']>[0];

/** Takes what the server says of its users: one word of a user at a time, of several that wait only the newest. */
export class Receiver {
  readonly #options: ReceiverOptions;
  readonly #waiting = new Map<string, Waiting>();
  readonly #turns = new Serial<string>();
  #running = 0;
  readonly #idle: (() => void)[] = [];
  /** By user, the last time that the server spoke of her otherwise than by a list; oldest first. */
  readonly #marks = new Map<string, Mark>();
  #ownId: string | null = null;
  #overflowing = false;

  constructor(options: ReceiverOptions) {
    this.#options = options;
  }

  /** The account of the bridge itself, of which nothing is taken. */
  ignore(userId: string): void {
    this.#ownId = userId;
  }

  isIgnored(userId: string): boolean {
    const { network } = this.#options;
    return userId === this.#ownId || network.parseId(userId) !== userId || network.isStandIn(userId);
  }

  /** An event of the gateway, in the order of their coming. */
  heard(heard: Heard): void {
    const { userId, mode, status } = heard;
    if (this.isIgnored(userId)) {
      this.#count('ignored');
      return;
    }
    const author = this.#options.echoes.take(userId, mode, status);
    if (author === 'bridge') this.#count('echo');
    else this.#enqueue({ ...heard, late: author === 'late' });
  }

  /**
   * A word out of a list that shows how things were at `since` (ms since 1970) or later: what was heard after that
   * stands. Answers whether it was news.
   */
  async listed({ userId, username, mode, avatarUrl }: ServerMember, since: number): Promise<boolean> {
    if (mode === null || this.isIgnored(userId)) return false;
    return this.#turn(userId, async () => {
      if ((this.#marks.get(userId)?.at ?? -Infinity) >= since) return false;
      const person = await this.#personOf({ userId, username, mode, avatarUrl });
      if (!person) return false;
      const { intake } = this.#options;
      const feed = await intake.feed(person.id);
      if (!feed?.written) {
        const news = await intake.listed(person.id, mode);
        if (news) this.#options.said(person.id, visible(mode));
        return news;
      }
      // Who wrote what the list shows, only a reading tells.
      if (!sameWord(feed.written.mode, visible(mode))) this.#options.doubted(person.id, userId);
      return false;
    });
  }

  /** What the server last said of a user; to be taken before she is read. */
  mark(userId: string): Mark | null {
    return this.#marks.get(userId) ?? null;
  }

  /**
   * The state of one user as the server keeps it and shows it to the account of the bridge. Answers false if something
   * was heard since `mark`, which may be newer: she must be read again.
   */
  async read(state: ServerPresence, mark: Mark | null): Promise<boolean> {
    const { userId, mode } = state;
    if (this.isIgnored(userId)) return true;
    return this.#turn(userId, async () => {
      if (this.mark(userId) !== mark) return false;
      this.#noteMark(userId);
      const person = await this.#personOf({ userId, mode });
      if (person) await this.#options.intake.read(person.id, state, false);
      return true;
    });
  }

  /** The same as the server shows it to herself; null if she must be read again. Errors as in the store. */
  async readOwn(person: PersonId, state: ServerPresence, mark: Mark | null): Promise<Reading | null> {
    const { userId } = state;
    return this.#inTurn(userId, async () => {
      if (this.mark(userId) !== mark) return null;
      this.#noteMark(userId);
      return this.#options.intake.read(person, state, true);
    });
  }

  /** Resolves once everything that was heard has been taken. */
  async idle(): Promise<void> {
    if (this.#running > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #enqueue(heard: Waiting): void {
    const { userId } = heard;
    this.#noteMark(userId);
    const before = this.#waiting.get(userId);
    if (!before && this.#waiting.size >= MAX_WAITING) {
      this.#overflow();
      return;
    }
    this.#overflowing = false;
    this.#waiting.set(userId, { ...before, ...publicPart(heard) });
    if (!before) void this.#turn(userId, () => this.#takeWaiting(userId));
  }

  async #takeWaiting(userId: string): Promise<void> {
    const heard = this.#waiting.get(userId);
    this.#waiting.delete(userId);
    if (heard) this.#count(await this.#take(heard));
  }

  async #take(heard: Waiting): Promise<Outcome> {
    const { userId, mode, status, late } = heard;
    const person = await this.#personOf(heard);
    if (!person) return 'unknown';
    const { intake } = this.#options;
    const written = (await intake.feed(person.id))?.written ?? null;
    // One like the bridge's own may be an echo that came late: the server is asked whose it is.
    const doubtful = written !== null && mode !== 'offline' && sameWord(written.mode, mode);
    const news = !doubtful && (await intake.event(person.id, mode, status, late));
    this.#options.said(person.id, mode);
    if (written !== null || mode === 'offline') this.#options.doubted(person.id, userId);
    return news || doubtful ? 'applied' : 'ignored';
  }

  /** Nobody is made of somebody who is offline. */
  async #personOf(user: Omit<Heard, 'status'>): Promise<Person | null> {
    const { people, newcomers, network, profileOf } = this.#options;
    const address = { network: network.name, id: user.userId };
    const known = await people.find(address);
    if (known || visible(user.mode) === 'offline') return known;
    try {
      const { username, avatarUrl } = user;
      return await newcomers.find(address, () =>
        username == null || avatarUrl === undefined
          ? profileOf(user.userId)
          : { displayName: username, avatarUrl },
      );
    } catch (error) {
      if (error instanceof BridgeError && error.code === 'bad_parameter') return null;
      throw error;
    }
  }

  /** One task of a user at a time. What fails is found again by the next reconciliation. */
  async #turn<T>(userId: string, task: () => Promise<T>): Promise<T | false> {
    try {
      return await this.#inTurn(userId, task);
    } catch (error) {
      this.#options.log.warn({ err: error }, 'a word of the server could not be taken');
      return false;
    }
  }

  async #inTurn<T>(userId: string, task: () => Promise<T>): Promise<T> {
    this.#running++;
    try {
      return await this.#turns.run(userId, task);
    } finally {
      this.#running--;
      if (this.#running === 0) for (const resolve of this.#idle.splice(0)) resolve();
    }
  }

  #noteMark(userId: string): void {
    this.#marks.delete(userId);
    this.#marks.set(userId, { at: this.#options.clock.now() });
    const [oldest] = this.#marks.keys();
    if (this.#marks.size > MAX_MARKS && oldest !== undefined) this.#marks.delete(oldest);
  }

  #overflow(): void {
    this.#count('ignored');
    if (this.#overflowing) return;
    this.#overflowing = true;
    this.#options.log.warn({}, 'more is heard than can be taken; the rest waits for the next reconciliation');
  }

  #count(outcome: Outcome): void {
    this.#options.metrics.received(outcome);
  }
}

/** What comes with going out of sight may have been said in hiding (contract §9.1). */
function publicPart({ status, mode, ...rest }: Waiting): Waiting {
  const away = visible(mode) === 'offline';
  return { ...rest, mode: visible(mode), ...(status && !away && { status }) };
}

/** What others make of it: nobody is invisible to others (semantics §3). */
function visible(mode: Mode): Mode {
  return mode === 'invisible' ? 'offline' : mode;
}
