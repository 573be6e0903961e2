import type { Clock } from '../../presence/clock.ts';
import { Deadlines } from '../../presence/deadlines.ts';

/** The least part of the interval after which something is said again; the rest is left to chance. */
const EARLIEST = 2 / 3;

export interface KeepAliveOptions {
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  /** The longest between two words about one user, ms. */
  readonly everyMs: number;
  /** Until something may be said, ms. */
  readonly budget: { wait(): number };
  /** Whether changes wait, which go first. */
  readonly isBusy: () => boolean;
  readonly say: (userId: string) => void;
}

/**
 * When what was said of users is to be said again, because homeservers forget it. Intervals are spread by a fifth in either
 * direction, so that those who came together do not stay together.
 */
export class KeepAlive implements Disposable {
  readonly #options: KeepAliveOptions;
  readonly #deadlines: Deadlines<string>;
  /** Whose time has come, in that order. */
  readonly #due = new Set<string>();
  #running = false;
  #timer: Disposable | null = null;

  constructor(options: KeepAliveOptions) {
    this.#options = options;
    this.#deadlines = new Deadlines(options.clock, (userId) => {
      this.#due.add(userId);
      this.serve();
    });
  }

  /** Something was said of the user just now. */
  said(userId: string): void {
    const { clock, random, everyMs } = this.#options;
    this.#due.delete(userId);
    this.#deadlines.set(userId, clock.now() + everyMs * (EARLIEST + random() * (1 - EARLIEST)));
  }

  forget(userId: string): void {
    this.#due.delete(userId);
    this.#deadlines.set(userId, null);
  }

  /** Nothing is said until `resume`; whose time comes meanwhile waits. */
  pause(): void {
    this.#running = false;
  }

  resume(): void {
    this.#running = true;
    this.serve();
  }

  /** Says what is due, as far as the budget allows and no change waits; also to be called once something was sent. */
  serve(): void {
    const { budget, isBusy, say } = this.#options;
    for (const userId of this.#due) {
      if (!this.#running || isBusy()) return;
      if (budget.wait() > 0) {
        this.#serveLater();
        return;
      }
      this.#due.delete(userId);
      say(userId);
    }
  }

  [Symbol.dispose](): void {
    this.#running = false;
    this.#timer?.[Symbol.dispose]();
    this.#deadlines[Symbol.dispose]();
  }

  #serveLater(): void {
    this.#timer ??= this.#options.clock.after(this.#options.budget.wait(), () => {
      this.#timer = null;
      this.serve();
    });
  }
}
