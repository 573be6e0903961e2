import type { Clock } from '../../../presence/clock.ts';

/** Without any frame for so long the client is gone, ms (Plexichat gateway: heartbeat). */
const MAX_SILENCE = 90_000;
/** Without a heartbeat for so long she is gone too, ms. */
export const HEARTBEAT_TIMEOUT = 135_000;

/** Notices when a client has gone without a word. Holds one timer, moved only when it goes off. */
export class Heartbeat implements Disposable {
  readonly #clock: Clock;
  readonly #timedOut: () => void;
  #frameAt: number;
  #beatAt: number;
  #timer: Disposable;

  constructor(clock: Clock, timedOut: () => void) {
    this.#clock = clock;
    this.#timedOut = timedOut;
    this.#frameAt = this.#beatAt = clock.now();
    this.#timer = this.#wait();
  }

  /** The client has sent something. */
  frame(): void {
    this.#frameAt = this.#clock.now();
  }

  /** The client has sent a heartbeat. */
  beat(): void {
    this.#beatAt = this.#clock.now();
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
  }

  #wait(): Disposable {
    return this.#clock.after(this.#left(), () => {
      if (this.#left() <= 0) this.#timedOut();
      else this.#timer = this.#wait();
    });
  }

  /** Until the client counts as gone unless it is heard of, ms. */
  #left(): number {
    const end = Math.min(this.#frameAt + MAX_SILENCE, this.#beatAt + HEARTBEAT_TIMEOUT);
    return end - this.#clock.now();
  }
}
