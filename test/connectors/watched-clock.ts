import { ManualClock } from '../helpers/clock.ts';

/** A clock that counts its timers and may be turned back. */
export class WatchedClock extends ManualClock {
  /** How far it was turned back, ms. */
  back = 0;
  readonly #waiting = new Set<Disposable>();

  /** How many wait to fire. */
  get timers(): number {
    return this.#waiting.size;
  }

  override now(): number {
    return super.now() - this.back;
  }

  override after(ms: number, run: () => void): Disposable {
    const inner = super.after(ms, () => {
      this.#waiting.delete(timer);
      run();
    });
    const timer = {
      [Symbol.dispose]: () => {
        this.#waiting.delete(timer);
        inner[Symbol.dispose]();
      },
    };
    this.#waiting.add(timer);
    return timer;
  }
}
