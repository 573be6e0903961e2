import type { Clock } from '../../presence/clock.ts';
import { Backoff } from '../backoff.ts';
import type { Budget } from '../budget.ts';
import type { ConnectorMetrics } from '../metrics.ts';
import type { SendResult } from '../push-queue.ts';
import { PushQueue } from '../push-queue.ts';
import type { PresenceState } from './homeserver.ts';
import { HomeserverFault } from './homeserver-fault.ts';
import { KeepAlive } from './keep-alive.ts';

/** Writes to the homeserver under way at a time. */
const CONCURRENCY = 8;
/** Between tries of one write, ms. */
const BACKOFF = { firstMs: 1000, maxMs: 60_000 };
/** How long nothing is written where the homeserver, or what stands before it, limits the bridge as a whole, ms. */
const LULL_MS = 1000;

const GONE: PresenceState = { presence: 'offline' };

/** What writers to one homeserver have in common. */
export interface WriterContext {
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  /** How many writes the homeserver is to take. */
  readonly budget: Pick<Budget, 'turn' | 'wait' | 'drain'>;
  /** The longest between two words about somebody who is there, ms. */
  readonly keepAliveMs: number;
  readonly metrics: Pick<ConnectorMetrics, 'pushed' | 'event'>;
  /** Told whenever the backlog may have changed. Must not throw. */
  readonly onBacklog: () => void;
  /** Told of whatever may mean that the homeserver is down. Must not throw. */
  readonly onTrouble: (fault: HomeserverFault) => void;
  readonly report: (problem: string, error: unknown) => void;
}

export interface WriterOptions extends WriterContext {
  /** Throws HomeserverFault. */
  readonly put: (userId: string, state: PresenceState) => Promise<void>;
  /** Told of every state that was taken, by `changed` whether it was another than before. Must not throw. */
  readonly onWritten?: (changed: boolean) => void;
  /** Told when nothing is to be said of the user any more. Must not throw. */
  readonly onEnded: (userId: string) => void;
  /** Asked when it is time to say the same again; does so by `repeat`, or wants something else, or forgets her. */
  readonly onDue: (userId: string) => Promise<void>;
}

/** What is to be said of somebody, and what was. */
interface Entry {
  wanted: PresenceState;
  written: PresenceState | null;
  /** Whether anything may have reached the homeserver. */
  tried: boolean;
}

type Item = 'change' | 'repeat';

/**
 * The presence of many users as the homeserver is to know it: newest only, never the same twice, but again and again while it
 * lasts, because homeservers forget. The end of it is said once.
 */
export class PresenceWriter implements AsyncDisposable {
  readonly #options: WriterOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #queue: PushQueue<string, Item>;
  readonly #keepAlive: KeepAlive;
  /** Whose last write failed and waits for its backoff. */
  readonly #failing = new Set<string>();
  /** Whether it is being found out of somebody if she is still to be said to be there. */
  #asking = false;

  /** Writes nothing before `resume`. */
  constructor(options: WriterOptions) {
    const { clock, random, budget, report, keepAliveMs } = options;
    this.#options = options;
    this.#queue = new PushQueue<string, Item>({
      clock,
      budget,
      concurrency: CONCURRENCY,
      backoff: () => new Backoff({ ...BACKOFF, random }),
      send: (userId, item) => this.#send(userId, item),
      report,
    });
    this.#queue.pause();
    this.#keepAlive = new KeepAlive({
      clock,
      random,
      everyMs: keepAliveMs,
      budget,
      isBusy: () => this.#asking || this.#queue.size > this.#failing.size,
      say: (userId) => void this.#ask(userId),
    });
  }

  /** Users who are there, or whose end is still to be said. */
  get size(): number {
    return this.#entries.size;
  }

  /** Writes that wait. */
  get backlog(): number {
    return this.#queue.size;
  }

  /** What the homeserver last took of the user; null when nothing, or when her end was said. */
  written(userId: string): PresenceState | null {
    return this.#entries.get(userId)?.written ?? null;
  }

  /** Whether anything may have reached the homeserver of which the end was not said. */
  isTried(userId: string): boolean {
    return this.#entries.get(userId)?.tried ?? false;
  }

  /** From now on this is how she is. Whoever was never said to be there is not said to be gone. */
  want(userId: string, state: PresenceState): void {
    const entry = this.#entries.get(userId);
    if (!entry) {
      if (isOffline(state)) return;
      this.#entries.set(userId, { wanted: state, written: null, tried: false });
    } else {
      if (sameState(entry.wanted, state)) return;
      if (isOffline(state) && !entry.tried) {
        this.forget(userId);
        return;
      }
      entry.wanted = state;
    }
    this.#queue.put(userId, 'change');
    this.#options.onBacklog();
  }

  /** Says that she is gone who was said to be there by another process, unless more is known of her. */
  end(userId: string): void {
    if (this.#entries.has(userId)) return;
    this.#entries.set(userId, { wanted: GONE, written: null, tried: true });
    this.#queue.put(userId, 'change');
    this.#options.onBacklog();
  }

  /** Says again how she is. */
  repeat(userId: string): void {
    if (this.#entries.has(userId)) this.#queue.put(userId, 'repeat');
  }

  /** Nothing more is said of the user, not even that she is gone. */
  forget(userId: string): void {
    if (!this.#entries.delete(userId)) return;
    this.#failing.delete(userId);
    this.#queue.forget(userId);
    this.#keepAlive.forget(userId);
    this.#options.onEnded(userId);
  }

  pause(): void {
    this.#queue.pause();
    this.#keepAlive.pause();
  }

  /** Whatever changed meanwhile goes first, then whatever is to be said again. */
  resume(): void {
    this.#failing.clear();
    this.#queue.resume();
    this.#keepAlive.resume();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#keepAlive[Symbol.dispose]();
    await this.#queue[Symbol.asyncDispose]();
  }

  async #ask(userId: string): Promise<void> {
    this.#asking = true;
    try {
      await this.#options.onDue(userId);
    } catch (error) {
      if (this.#entries.has(userId)) this.#keepAlive.said(userId);
      this.#options.report('whether somebody is still there could not be found out', error);
    } finally {
      this.#asking = false;
      this.#keepAlive.serve();
    }
  }

  async #send(userId: string, item: Item): Promise<SendResult> {
    const entry = this.#entries.get(userId);
    this.#failing.delete(userId);
    if (!entry) return { done: true };
    const state = entry.wanted;
    const changed = !sameState(state, entry.written);
    try {
      if (changed || item === 'repeat') await this.#put(userId, entry, state, changed);
      else this.#options.metrics.pushed('unchanged');
      return { done: true };
    } catch (error) {
      this.#options.metrics.pushed('failed');
      const result = this.#afterFault(userId, entry, error);
      if (!result.done) this.#failing.add(userId);
      return result;
    } finally {
      // What the queue holds is counted after this send.
      queueMicrotask(() => {
        this.#keepAlive.serve();
        this.#options.onBacklog();
      });
    }
  }

  async #put(userId: string, entry: Entry, state: PresenceState, changed: boolean): Promise<void> {
    const { put, metrics, onWritten } = this.#options;
    entry.tried = true;
    await put(userId, state);
    metrics.pushed('written');
    entry.written = state;
    if (this.#entries.get(userId) !== entry) return;
    onWritten?.(changed);
    if (!isOffline(state)) this.#keepAlive.said(userId);
    else if (sameState(entry.wanted, state)) this.forget(userId);
    else this.#keepAlive.forget(userId);
  }

  #afterFault(userId: string, entry: Entry, error: unknown): SendResult {
    const { onTrouble, budget, metrics } = this.#options;
    if (!(error instanceof HomeserverFault)) throw error;
    metrics.event(error.kind);
    switch (error.kind) {
      case 'rate_limited':
        // Homeservers limit users one by one; a limit without Matrix's word for it holds for the bridge as a whole.
        if (error.errcode === null) budget.drain(error.retryAfterMs ?? LULL_MS);
        return { done: false, retryInMs: error.retryAfterMs ?? 0 };
      case 'unknown_token':
      case 'unavailable':
      case 'garbage':
        onTrouble(error);
        return { done: false, retryInMs: error.retryAfterMs ?? 0 };
      case 'forbidden':
      case 'refused':
        this.#giveUp(userId, entry);
        return { done: true };
    }
  }

  /** Until it is time to say it again, or for good where it was her end. */
  #giveUp(userId: string, entry: Entry): void {
    if (this.#entries.get(userId) !== entry) return;
    if (isOffline(entry.wanted)) this.forget(userId);
    else this.#keepAlive.said(userId);
  }
}

export function isOffline(state: PresenceState): boolean {
  return state.presence === 'offline';
}

function sameState(a: PresenceState, b: PresenceState | null): boolean {
  return a.presence === b?.presence && a.status_msg === b.status_msg;
}
