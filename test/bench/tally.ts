/** When the first and the last of a crowd had a round, ms after it began. */
export interface Arrivals {
  readonly first: number;
  readonly last: number;
}

/** Faults that are kept word for word; the rest is only counted. */
const MAX_QUOTED = 5;

/** Which of a crowd of clients has had which round. Rounds are numbered from 0, and each is owed to everybody once. */
export class Tally {
  readonly #name: string;
  /** The last round that each client has had. */
  readonly #had: number[];
  readonly #quoted: string[] = [];
  #faults = 0;
  #round = -1;
  #left = 0;
  #beganAt = 0;
  #first = 0;
  #done: (arrivals: Arrivals) => void = () => undefined;

  constructor(name: string, size: number) {
    this.#name = name;
    this.#had = new Array<number>(size).fill(-1);
  }

  /** Begins the next round; resolves when everybody has had it. */
  async begin(): Promise<Arrivals> {
    this.#round++;
    this.#left = this.#had.length;
    this.#beganAt = performance.now();
    if (this.#left === 0) return { first: 0, last: 0 };
    return new Promise((resolve) => (this.#done = resolve));
  }

  had(client: number, round: number): void {
    const before = this.#had[client];
    if (before === undefined || round !== before + 1 || round !== this.#round) {
      this.fault(client, `had round ${round} after ${before}, in round ${this.#round}`);
      return;
    }
    this.#had[client] = round;
    const after = performance.now() - this.#beganAt;
    if (this.#left === this.#had.length) this.#first = after;
    if (--this.#left === 0) this.#done({ first: this.#first, last: after });
  }

  fault(client: number, what: string): void {
    if (++this.#faults <= MAX_QUOTED) this.#quoted.push(`${this.#name} ${client} ${what}`);
  }

  /** Everything that is not as it should be, in words. */
  problems(): string[] {
    const missing = this.#had.flatMap((round, client) => (round < this.#round ? [client] : []));
    return [
      ...(missing.length > 0
        ? [
            `${missing.length} of ${this.#had.length} ${this.#name}s lack round ${this.#round}, first ${missing[0]}`,
          ]
        : []),
      ...this.#quoted,
      ...(this.#faults > MAX_QUOTED ? [`${this.#faults - MAX_QUOTED} more faults of ${this.#name}s`] : []),
    ];
  }
}
