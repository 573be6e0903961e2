import type { Dispatch } from '../../../protocols/plexichat/frames.ts';

interface Numbered {
  readonly s: number;
  readonly event: Dispatch;
}

/** Numbers the events of a session and remembers the last `limit` of them. */
export class Replay {
  readonly #limit: number;
  #events: Dispatch[] = [];
  #last: number;

  /** The first event gets the number after `last`. */
  constructor(limit: number, last: number) {
    this.#limit = limit;
    this.#last = last;
  }

  /** The number of the last event. */
  get last(): number {
    return this.#last;
  }

  /** Takes an event and gives its number. */
  push(event: Dispatch): number {
    if (this.#events.push(event) > this.#limit) this.#events.shift();
    return ++this.#last;
  }

  /** Goes on after number `seq`, with nothing remembered. */
  restart(seq: number): void {
    this.#last = seq;
    this.#events = [];
  }

  /** What came after number `seq`, in order; null when some of it is forgotten. */
  after(seq: number): Numbered[] | null {
    const missed = this.#last - seq;
    if (missed > this.#events.length) return null;
    return this.#events.slice(this.#events.length - missed).map((event, i) => ({ s: seq + 1 + i, event }));
  }
}
