import type { Clock } from './clock.ts';
import type { PersonId } from './identity.ts';

/** Of how many people it is kept, and to how many each; whoever was not told for longest makes room. */
const MAX_PEOPLE = 10_000;
const MAX_RECEIVERS = 10;

/** What somebody was last told of a person. */
export interface Delivery {
  /** A person who listens, by her id, or a real server, by its name. */
  readonly to: string;
  readonly kind: 'person' | 'server';
  /** A mode, or what a server calls it. */
  readonly said: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/**
 * Who was last told of whom on this node since its start. It notes only what has left the bridge, and so knows no more than
 * those who were told (semantics §6).
 */
export class Deliveries {
  readonly #clock: Pick<Clock, 'now'>;
  /** Of each the newest first; last stands whoever was told of last. */
  readonly #byPerson = new Map<PersonId, readonly Delivery[]>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  note(person: PersonId, delivery: Omit<Delivery, 'at'>): void {
    const before = this.#byPerson.get(person) ?? [];
    const others = before.filter(({ kind, to }) => kind !== delivery.kind || to !== delivery.to);
    const deliveries = [{ ...delivery, at: this.#clock.now() }, ...others];
    this.#byPerson.delete(person);
    this.#byPerson.set(person, deliveries.slice(0, MAX_RECEIVERS));
    if (this.#byPerson.size <= MAX_PEOPLE) return;
    const [longestAgo] = this.#byPerson.keys();
    if (longestAgo !== undefined) this.#byPerson.delete(longestAgo);
  }

  /** The last to each of those who were told last, the newest first. */
  of(person: PersonId): readonly Delivery[] {
    return this.#byPerson.get(person) ?? [];
  }
}
