import type { Clock } from '../presence/clock.ts';

/** No two log lines about the same change, from one state to another, come closer together than this, ms. */
const LOG_EVERY_MS = 60_000;

/** `refused`: it answers, but does not accept our credentials. */
export type SideState = 'starting' | 'up' | 'down' | 'refused';

export interface SideHealth {
  readonly name: string;
  readonly state: SideState;
  /** Since when it is in this state, ms since 1970. */
  readonly since: number;
  /** Why it is down or refused; null in the other states. */
  readonly reason: string | null;
}

/** Where a side says how it is. */
export interface SideLogger {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

export interface SideOptions {
  /** As operators know it. */
  readonly name: string;
  readonly clock: Clock;
  readonly logger: SideLogger;
}

/** Whether a real server can be reached, as its connector found it. */
export class Side implements Disposable {
  readonly #options: SideOptions;
  readonly #listeners = new Set<(health: SideHealth) => void>();
  #health: SideHealth;
  /** The state that the log ends with, and when which change was last said. */
  #logged: SideState = 'starting';
  readonly #loggedAt = new Map<string, number>();
  /** Changes since the log last said one. */
  #changes = 0;
  #timer: Disposable | null = null;
  #disposed = false;

  constructor(options: SideOptions) {
    this.#options = options;
    this.#health = { name: options.name, state: 'starting', since: options.clock.now(), reason: null };
  }

  /** It answers as it should. */
  up(): void {
    this.#become('up', null);
  }

  /** It cannot be reached. `reason` is a few words out of a closed list, and never what the server said. */
  down(reason: string): void {
    this.#become('down', reason);
  }

  /** It answers, but does not accept our credentials. `reason` as for `down`. */
  refused(reason: string): void {
    this.#become('refused', reason);
  }

  health(): SideHealth {
    return this.#health;
  }

  /** Calls `listener` after each change of state, until the returned function is called. */
  subscribe(listener: (health: SideHealth) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Nothing is logged or told from now on. */
  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#timer?.[Symbol.dispose]();
    this.#timer = null;
    this.#listeners.clear();
  }

  #become(state: SideState, reason: string | null): void {
    if (state === this.#health.state) {
      this.#health = { ...this.#health, reason };
      return;
    }
    this.#health = { ...this.#health, state, since: this.#options.clock.now(), reason };
    this.#changes++;
    this.#log();
    for (const listener of this.#listeners) listener(this.#health);
  }

  /** Brings the log to the present state, later if it said the same a short while ago. */
  #log(): void {
    const { state } = this.#health;
    if (state === this.#logged || this.#disposed) return;
    const { clock } = this.#options;
    const change = `${this.#logged} ${state}`;
    const passed = clock.now() - (this.#loggedAt.get(change) ?? -Infinity);
    this.#timer?.[Symbol.dispose]();
    this.#timer = null;
    // A clock that was turned back says nothing.
    if (passed >= 0 && passed < LOG_EVERY_MS) {
      this.#timer = clock.after(LOG_EVERY_MS - passed, () => this.#log());
      return;
    }
    this.#say(this.#logged, this.#changes - 1);
    this.#logged = state;
    this.#loggedAt.set(change, clock.now());
    this.#changes = 0;
  }

  #say(before: SideState, suppressed: number): void {
    const { name, state, since, reason } = this.#health;
    const time = new Date(since).toISOString();
    const details = {
      side: name,
      since: time,
      ...(reason !== null && { reason }),
      ...(suppressed > 0 && { suppressed }),
    };
    const { logger } = this.#options;
    if (state === 'refused') logger.error(details, `${name} does not accept our credentials`);
    else if (state === 'up') logger.info(details, `${name} is up`);
    else if (before === 'up') logger.warn(details, `${name} is down, unknown since ${time}`);
    else logger.warn(details, `${name} is down`);
  }
}
