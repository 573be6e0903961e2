import type { Clock } from '../../presence/clock.ts';

/** Whatever the server asks for, heartbeats come neither closer together nor further apart, ms. */
const SHORTEST_INTERVAL = 5000;
const LONGEST_INTERVAL = 60_000;

export interface GatewayHeartbeatOptions {
  /** What HELLO asks for, ms. */
  readonly intervalMs: number;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly beat: () => void;
  /** A heartbeat was not answered until the next one was due: nobody is there any more. */
  readonly silent: () => void;
}

/** Heartbeats of a client, the first at a random moment of the interval. Tells an open socket from a half-open one. */
export class GatewayHeartbeat implements Disposable {
  readonly #options: GatewayHeartbeatOptions;
  readonly #intervalMs: number;
  #timer: Disposable;
  #answered = true;

  constructor(options: GatewayHeartbeatOptions) {
    this.#options = options;
    this.#intervalMs = Math.min(LONGEST_INTERVAL, Math.max(SHORTEST_INTERVAL, options.intervalMs));
    this.#timer = this.#wait(Math.floor(options.random() * this.#intervalMs));
  }

  /** The server has answered the last heartbeat. */
  acknowledge(): void {
    this.#answered = true;
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }

  #wait(ms: number): Disposable {
    return this.#options.clock.after(ms, () => {
      if (!this.#answered) {
        this.#options.silent();
        return;
      }
      this.#answered = false;
      this.#timer = this.#wait(this.#intervalMs);
      this.#options.beat();
    });
  }
}
