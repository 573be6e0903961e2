import type { Mode } from '../../presence/record.ts';

/** Users whose reading is remembered; the oldest are read once more. */
const MAX_READ = 100_000;

/** Who is still to be read, one by one; each user once. */
export class ReadingList {
  readonly #urgent = new Set<string>();
  readonly #waiting = new Set<string>();
  /** Those who were read and are there, longest ago first. */
  readonly #read = new Set<string>();

  /** Reads her before those who only wait their turn. */
  first(userId: string): void {
    this.#waiting.delete(userId);
    this.#urgent.add(userId);
  }

  /** Reads her after all others. */
  last(userId: string): void {
    if (!this.#urgent.has(userId)) this.#waiting.add(userId);
  }

  /** Whoever changed is read, and whoever is there and never was; of those who are not there the lists say it all. */
  listed(userId: string, mode: Mode | null, changed: boolean): void {
    if (mode === null || mode === 'offline' || mode === 'invisible') this.#read.delete(userId);
    else if (changed) this.first(userId);
    else if (!this.#read.has(userId)) this.last(userId);
  }

  /** Has up to `count` be read anew, longest ago first. */
  refresh(count: number): void {
    for (const userId of [...this.#read].slice(0, count)) this.last(userId);
  }

  /** Who is next; null when nobody is left. */
  next(): string | null {
    for (const list of [this.#urgent, this.#waiting]) {
      for (const userId of list) {
        list.delete(userId);
        return userId;
      }
    }
    return null;
  }

  done(userId: string): void {
    this.#read.delete(userId);
    this.#read.add(userId);
    const [oldest] = this.#read;
    if (this.#read.size > MAX_READ && oldest !== undefined) this.#read.delete(oldest);
  }
}
