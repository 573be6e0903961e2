/** Reads that a test lets through step by step, as a database would answer them: late, and as of some instant between. */
export class SlowReads {
  readonly #waiting: { look: () => Promise<unknown>; answer: (value: Promise<unknown>) => void }[] = [];
  readonly #seen: { value: Promise<unknown>; answer: (value: Promise<unknown>) => void }[] = [];

  /** A read that looks when it is told to, and answers when it is told to. */
  read<T>(look: () => Promise<T>): Promise<T> {
    return new Promise<T>((resolve) => {
      this.#waiting.push({ look, answer: (value) => resolve(value as Promise<T>) });
    });
  }

  get count(): number {
    return this.#waiting.length + this.#seen.length;
  }

  /** Lets one that has not looked yet do so. */
  look(index = 0): void {
    const [read] = this.#waiting.splice(index % Math.max(1, this.#waiting.length), 1);
    if (read) this.#seen.push({ value: read.look(), answer: read.answer });
  }

  /** Lets one that has looked answer. */
  answer(index = 0): void {
    const [read] = this.#seen.splice(index % Math.max(1, this.#seen.length), 1);
    read?.answer(read.value);
  }
}
