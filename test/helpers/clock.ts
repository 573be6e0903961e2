import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../src/presence/clock.ts';

/** 2026-01-01T00:00:00Z in ms. */
export const START = 1_767_225_600_000;

interface Task {
  readonly at: number;
  readonly run: () => void;
}

/** A clock that stands still until a test turns it. */
export class ManualClock implements Clock {
  #now: number;
  readonly #tasks = new Set<Task>();

  constructor(start = START) {
    this.#now = start;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): Disposable {
    const task = { at: this.#now + ms, run };
    this.#tasks.add(task);
    return { [Symbol.dispose]: () => this.#tasks.delete(task) };
  }

  /** Turns the clock forward by `ms`, running what falls due on the way, each at its own time. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#tasks.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.run();
    }
    this.#now = end;
  }

  /** The same, but whatever a task begins is done before the next one is run, as it would be in so long a time. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.advance(Math.max(0, next.at - this.#now));
      await setImmediate();
    }
    this.advance(end - this.#now);
  }

  #next(end: number): Task | undefined {
    return [...this.#tasks].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
  }
}
