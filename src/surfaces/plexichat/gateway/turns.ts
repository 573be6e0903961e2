/** Who has something to write when the turn is over. */
export interface Flushed {
  flush(): void;
}

export interface Turn {
  /** To be flushed once, soon. */
  add(flushed: Flushed): void;
}

/** So many are flushed at a time: others are not kept waiting longer than a few milliseconds by a crowd. */
const AT_ONCE = 256;

/** Flushes whoever was added, in the turns of the event loop that follow. */
export class Turns implements Turn {
  #waiting: Flushed[] = [];
  #next = 0;
  #scheduled = false;

  add(flushed: Flushed): void {
    this.#waiting.push(flushed);
    this.#schedule();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#run());
  }

  #run(): void {
    this.#scheduled = false;
    const end = Math.min(this.#next + AT_ONCE, this.#waiting.length);
    while (this.#next < end) this.#waiting[this.#next++]?.flush();
    if (this.#next < this.#waiting.length) {
      this.#schedule();
      return;
    }
    this.#waiting = [];
    this.#next = 0;
  }
}
