import type { Clock } from '../../../../src/presence/clock.ts';

/** Between two looks for heartbeats, and what HELLO asks for, ms. */
export const INTERVAL = 45_000;
/** Without any frame for so long the socket is closed, ms; a heartbeat this old is missed. */
const MAX_SILENCE = 90_000;

/** Calls `timedOut` after 90 s without a frame, or at the second look that finds the last heartbeat 90 s old. */
export class Heartbeat implements Disposable {
  readonly #clock: Clock;
  readonly #timedOut: () => void;
  #beatAt: number;
  #missed = 0;
  #silence: Disposable;
  #look: Disposable;

  constructor(clock: Clock, timedOut: () => void) {
    this.#clock = clock;
    this.#timedOut = timedOut;
    this.#beatAt = clock.now();
    this.#silence = this.#waitForFrame();
    this.#look = this.#waitToLook();
  }

  frame(): void {
    this.#silence[Symbol.dispose]();
    this.#silence = this.#waitForFrame();
  }

  beat(): void {
    this.#beatAt = this.#clock.now();
    this.#missed = 0;
  }

  [Symbol.dispose](): void {
    this.#silence[Symbol.dispose]();
    this.#look[Symbol.dispose]();
  }

  #waitForFrame(): Disposable {
    return this.#clock.after(MAX_SILENCE, this.#timedOut);
  }

  #waitToLook(): Disposable {
    return this.#clock.after(INTERVAL, () => {
      if (this.#clock.now() - this.#beatAt >= MAX_SILENCE) this.#missed += 1;
      this.#look = this.#waitToLook();
      if (this.#missed >= 2) this.#timedOut();
    });
  }
}
