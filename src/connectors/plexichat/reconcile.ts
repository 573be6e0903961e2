import type { Clock } from '../../presence/clock.ts';
import type { NetworkName, PersonId } from '../../presence/identity.ts';
import { ownAddress } from '../../presence/identity.ts';
import type { People } from '../../presence/people.ts';
import type { PresenceService } from '../../presence/service.ts';
import type { ServerMember, ServerPresence } from '../../protocols/plexichat/server.ts';
import type { Backoff } from '../backoff.ts';
import { faultKind, isTransient, retryAfterOf } from './fault-kinds.ts';
import { nullIfGone } from './gone.ts';
import type { Log } from './log.ts';
import { ReadingList } from './reading-list.ts';
import type { Receiver } from './receiver.ts';

/** How old a list may be that the server gives, ms (contract §1.3). */
const RELATIONSHIPS_AGE_MS = 60_000;
const MEMBERS_AGE_MS = 30_000;
/** Of those who are there and have not changed, how many are read anew in a round: events can be lost that no list tells. */
const REFRESHED_IN_A_ROUND = 5;

/** The server's lists and states as the account of the bridge sees them; throws `PlexichatFault`. */
export interface ReconcileSource {
  relationships(signal: AbortSignal): Promise<readonly ServerMember[]>;
  members(guildId: string, signal: AbortSignal): Promise<readonly ServerMember[]>;
  presence(userId: string, signal: AbortSignal): Promise<ServerPresence>;
}

export interface ReconcileOptions {
  readonly source: ReconcileSource;
  readonly receiver: Pick<Receiver, 'listed' | 'read' | 'mark' | 'isIgnored'>;
  readonly presence: Pick<PresenceService, 'fed'>;
  readonly people: Pick<People, 'find' | 'get'>;
  readonly network: NetworkName;
  readonly clock: Clock;
  /** Waited for before each request: what is left beside the more urgent ones. */
  readonly budget: { turn(signal?: AbortSignal): Promise<void> };
  readonly backoff: Backoff;
  readonly everyMs: number;
  /** Whether the states of a person are read with her own token, elsewhere. */
  readonly holds: (person: PersonId) => boolean;
  /** Has such a person read. */
  readonly check: (person: PersonId) => void;
  /** Told of trouble, which is tried again. */
  readonly failed: (error: unknown) => void;
  readonly log: Log;
}

interface Listing {
  readonly user: ServerMember;
  /** The list shows how things were then or later, ms since 1970. */
  readonly since: number;
}

/**
 * Asks the server how everybody is, since it drops events silently: its lists every so often, and then one by one whoever
 * was found changed, was never read, or is in no list any more. One request at a time; rounds never pile up.
 */
export class Reconcile implements AsyncDisposable {
  readonly #options: ReconcileOptions;
  readonly #readings = new ReadingList();
  #guildIds: readonly string[] = [];
  #run: AbortController | null = null;
  #working: Promise<void> = Promise.resolve();
  #due = false;
  #timer: Disposable | null = null;

  constructor(options: ReconcileOptions) {
    this.#options = options;
  }

  /** The server can be reached, and events may have been lost: a round begins at once. */
  begin(guildIds: readonly string[]): void {
    this.end();
    this.#guildIds = guildIds;
    const run = new AbortController();
    this.#run = run;
    this.#due = true;
    this.#working = this.#working.then(() => this.#work(run.signal));
  }

  /** The server is out of reach: what is under way is given up. */
  end(): void {
    this.#run?.abort();
    this.#run = null;
    this.#timer?.[Symbol.dispose]();
    this.#timer = null;
  }

  /** Has one user read before the others. */
  read(userId: string): void {
    if (this.#options.receiver.isIgnored(userId)) return;
    this.#readings.first(userId);
    this.#wake();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.end();
    await this.#working;
  }

  /** Resolves once nothing is left to do until the next round; for tests. */
  async idle(): Promise<void> {
    await this.#working;
  }

  #wake(): void {
    const signal = this.#run?.signal;
    if (!signal) return;
    this.#working = this.#working.then(() => this.#work(signal));
  }

  /** Lists when they are due, else the next one to be read, until nothing is left. */
  async #work(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const userId = this.#due ? null : this.#readings.next();
      if (!this.#due && userId === null) return;
      try {
        if (userId === null) await this.#round(signal);
        else await this.#readOne(userId, signal);
        this.#options.backoff.reset();
      } catch (error) {
        if (this.#run?.signal !== signal) return;
        this.#options.failed(error);
        if (userId !== null && !isTransient(error)) continue;
        if (userId !== null) this.#readings.last(userId);
        await this.#wait(this.#options.backoff.next(retryAfterOf(error)), signal);
      }
    }
  }

  async #round(signal: AbortSignal): Promise<void> {
    const listed = await this.#lists(signal);
    this.#due = false;
    this.#arm();
    for (const { user, since } of listed.values()) {
      signal.throwIfAborted();
      const news = await this.#options.receiver.listed(user, since);
      this.#readings.listed(user.userId, user.mode, news);
    }
    await this.#addUnlisted(listed);
    this.#readings.refresh(REFRESHED_IN_A_ROUND);
  }

  #arm(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = this.#options.clock.after(this.#options.everyMs, () => {
      this.#due = true;
      this.#wake();
    });
  }

  /** By user; where lists differ, what the fresher one says. */
  async #lists(signal: AbortSignal): Promise<Map<string, Listing>> {
    const { source } = this.#options;
    return new Map([
      ...(await this.#ask(() => source.relationships(signal), RELATIONSHIPS_AGE_MS, signal)),
      ...(await this.#membersOf(this.#guildIds, signal)),
    ]);
  }

  async #membersOf(guildIds: readonly string[], signal: AbortSignal): Promise<[string, Listing][]> {
    const members: [string, Listing][] = [];
    for (const guildId of guildIds) {
      try {
        const list = () => this.#options.source.members(guildId, signal);
        members.push(...(await this.#ask(list, MEMBERS_AGE_MS, signal)));
      } catch (error) {
        // One that may not be read, left meanwhile perhaps, must not keep the others from being read.
        if (isTransient(error)) throw error;
        this.#options.log.debug({ kind: faultKind(error) }, 'the members of a server cannot be read');
      }
    }
    return members;
  }

  async #ask(
    list: () => Promise<readonly ServerMember[]>,
    ageMs: number,
    signal: AbortSignal,
  ): Promise<[string, Listing][]> {
    await this.#options.budget.turn(signal);
    const since = this.#options.clock.now() - ageMs;
    const users = await list();
    return users
      .filter(({ userId }) => !this.#options.receiver.isIgnored(userId))
      .map((user) => [user.userId, { user, since }]);
  }

  /** Whoever is believed to be there although no list says so is no friend any more, or has left. */
  async #addUnlisted(listed: ReadonlyMap<string, Listing>): Promise<void> {
    const { presence, people, network } = this.#options;
    for await (const { person } of presence.fed(network)) {
      const known = await people.get(person).catch(nullIfGone);
      const address = known && ownAddress(known, network);
      if (address && !listed.has(address.id)) this.#readings.first(address.id);
    }
  }

  async #readOne(userId: string, signal: AbortSignal): Promise<void> {
    const { source, receiver, people, network, budget, holds, check } = this.#options;
    const person = await people.find({ network, id: userId });
    if (person && holds(person.id)) {
      check(person.id);
    } else {
      await budget.turn(signal);
      const mark = receiver.mark(userId);
      const taken = await receiver.read(await source.presence(userId, signal), mark);
      if (!taken) this.#readings.last(userId);
    }
    this.#readings.done(userId);
  }

  async #wait(ms: number, signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = () => {
        timer[Symbol.dispose]();
        signal.removeEventListener('abort', done);
        resolve();
      };
      const timer = this.#options.clock.after(ms, done);
      signal.addEventListener('abort', done);
    });
  }
}
