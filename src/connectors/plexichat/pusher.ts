import type { Clock } from '../../presence/clock.ts';
import type { PersonId } from '../../presence/identity.ts';
import type { PresenceService } from '../../presence/service.ts';
import type { Backoff } from '../backoff.ts';
import type { ConnectorMetrics } from '../metrics.ts';
import type { SendResult } from '../push-queue.ts';
import { PushQueue } from '../push-queue.ts';
import { faultKind, retryAfterOf } from './fault-kinds.ts';
import type { HeldTokens } from './held-tokens.ts';
import { Note } from './notes.ts';
import type { Log } from './log.ts';
import type { Others, Settling } from './settling.ts';
import { sameSeen, sayable } from './wanted.ts';

/** Whoever was read this short a while ago is not read again only because the server is back, ms. */
const FRESH_MS = 60_000;
/** How many are read anew at each refresh, those first who were not read for longest. */
const REFRESHED_AT_ONCE = 5;

export interface PusherOptions {
  readonly presence: Pick<PresenceService, 'subscribe'>;
  readonly tokens: Pick<HeldTokens, 'people' | 'subscribe' | 'of' | 'doubt'>;
  readonly settling: Settling;
  readonly clock: Clock;
  readonly budget: { turn(signal: AbortSignal): Promise<void> };
  readonly backoff: () => Backoff;
  /** People whose state is written at once. */
  readonly concurrency: number;
  /** Told of requests that failed. Must not throw. */
  readonly failed: (error: unknown) => void;
  readonly report: (problem: string, error: unknown) => void;
  readonly log: Log;
  readonly metrics: Pick<ConnectorMetrics, 'pushed'>;
}

/**
 * Writes to the server how linked people are elsewhere, in the name of those who gave their token. It acts when that
 * changes, not whenever the server shows something else: her own word there stands until then. Only the newest state of
 * a person waits.
 */
export class Pusher implements AsyncDisposable {
  readonly #options: PusherOptions;
  readonly #notes = new Map<PersonId, Note>();
  readonly #looking = new Map<PersonId, 'once' | 'again'>();
  readonly #queue: PushQueue<PersonId, null>;
  #ends: (() => void)[] = [];

  constructor(options: PusherOptions) {
    this.#options = options;
    const { clock, budget, backoff, concurrency, report } = options;
    this.#queue = new PushQueue({
      clock,
      budget,
      backoff,
      concurrency,
      report,
      send: (person) => this.#send(person),
    });
    this.#queue.pause();
  }

  /** Everybody who gave a token will be written as soon as the queue runs. Errors as in the store. */
  async start(): Promise<void> {
    const { presence, tokens } = this.#options;
    this.#ends = [
      presence.subscribe(({ person }) => this.#look(person)),
      tokens.subscribe((person, held) => (held ? this.#add(person) : this.#drop(person))),
    ];
    for (const person of await tokens.people()) this.#add(person);
  }

  /** People whose state waits to be written. */
  get backlog(): number {
    return this.#queue.size;
  }

  holds(person: PersonId): boolean {
    return this.#notes.has(person);
  }

  /** She said something there herself. */
  said(person: PersonId, word: Parameters<Note['said']>[0]): void {
    this.#notes.get(person)?.said(word);
  }

  /** Has her state there read, and mended if it is no longer what the bridge means it to be. */
  check(person: PersonId): void {
    if (this.#notes.has(person)) this.#queue.put(person, null);
  }

  /** The server is out of reach: nothing is written, the newest state of everybody waits. */
  pause(): void {
    this.#queue.pause();
  }

  /** The server is back. */
  resume(): void {
    this.#queue.resume();
    const before = this.#options.clock.now() - FRESH_MS;
    for (const [person, { readAt }] of this.#notes) if (readAt < before) this.check(person);
  }

  /** Finds what nobody told of: tokens that came or went with a link, blocks, and words whose event was lost. */
  async refresh(): Promise<void> {
    const holders = new Set(await this.#options.tokens.people());
    for (const person of this.#notes.keys()) if (!holders.has(person)) this.#drop(person);
    for (const person of holders) {
      if (this.#notes.has(person)) this.#look(person);
      else this.#add(person);
    }
    const byAge = [...this.#notes].sort(([, a], [, b]) => a.readAt - b.readAt);
    for (const [person] of byAge.slice(0, REFRESHED_AT_ONCE)) this.check(person);
  }

  /** Takes back what the bridge wrote in her name, as far as the server lets it; for whoever takes her token away. */
  async withdraw(person: PersonId): Promise<void> {
    const note = this.#notes.get(person);
    if (!note) return;
    try {
      await this.#options.settling.settle(person, note, { leaving: true });
    } catch (error) {
      this.#options.log.warn(
        { kind: faultKind(error) },
        'what was written in the name of a person stays there',
      );
    }
  }

  /** Resolves once nothing waits to be written; for tests. */
  async idle(): Promise<void> {
    await this.#queue.idle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const end of this.#ends) end();
    await this.#queue[Symbol.asyncDispose]();
  }

  #add(person: PersonId): void {
    const note = this.#notes.get(person) ?? new Note();
    this.#notes.set(person, note);
    note.changed();
    this.#look(person);
    this.#queue.put(person, null);
  }

  #drop(person: PersonId): void {
    this.#notes.delete(person);
    this.#queue.forget(person);
  }

  /** Looks at how she is elsewhere: one look at a time, of several that wait only one. */
  #look(person: PersonId): void {
    if (!this.#notes.has(person)) return;
    const looking = this.#looking.has(person);
    this.#looking.set(person, looking ? 'again' : 'once');
    if (!looking) void this.#lookOnce(person);
  }

  async #lookOnce(person: PersonId): Promise<void> {
    try {
      const others = await this.#options.settling.others(person);
      const note = this.#notes.get(person);
      if (note && others) this.#compare(person, note, others);
    } catch (error) {
      this.#options.report('what is to be written of a person could not be read', error);
    }
    const again = this.#looking.get(person) === 'again';
    this.#looking.delete(person);
    if (again) this.#look(person);
  }

  /** A status that the server itself brought here is no change to be written there. */
  #compare(person: PersonId, note: Note, { wanted, feed }: Others): void {
    const { looked } = note;
    const told = feed && sayable(feed.status);
    note.looked = { elsewhere: wanted, told };
    if (!looked) return;
    const broughtHere =
      told && sameSeen(wanted.status, told) && !(looked.told && sameSeen(told, looked.told));
    const changed =
      wanted.mode !== looked.elsewhere.mode ||
      (wanted.mode !== 'offline' && !sameSeen(wanted.status, looked.elsewhere.status) && !broughtHere);
    if (!changed) return;
    note.changed();
    this.#queue.put(person, null);
  }

  async #send(person: PersonId): Promise<SendResult> {
    const note = this.#notes.get(person);
    if (!note) return { done: true };
    const { settling, metrics } = this.#options;
    try {
      const outcome = await settling.settle(person, note);
      if (outcome === 'gone') this.#drop(person);
      else if (outcome === 'overtaken') this.check(person);
      else metrics.pushed(outcome);
      return { done: true };
    } catch (error) {
      metrics.pushed('failed');
      return this.#failed(person, note, error);
    }
  }

  async #failed(person: PersonId, note: Note, error: unknown): Promise<SendResult> {
    const { failed, report, log, tokens } = this.#options;
    const kind = faultKind(error);
    if (kind === null) report('the state of a person could not be written', error);
    else failed(error);
    if (kind === 'refused' || kind === 'forbidden') {
      // The next change of hers is another request; the same one would only be refused again.
      note.done(note.now);
      log.warn({ person, kind }, 'the server does not let the bridge write the state of a person');
      return { done: true };
    }
    const token = kind === 'unauthorized' ? await tokens.of(person) : null;
    if (token !== null && (await tokens.doubt(person, token))) return { done: true };
    return { done: false, retryInMs: retryAfterOf(error) ?? 0 };
  }
}
