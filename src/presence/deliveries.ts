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
  readonly #byPerson = new Map<PersonId, Map<string, Delivery>>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  note(person: PersonId, delivery: Omit<Delivery, 'at'>): void {
    const hers = this.#byPerson.get(person) ?? new Map<string, Delivery>();
    const key = `${delivery.kind} ${delivery.to}`;
    putLast(hers, key, { ...delivery, at: this.#clock.now() }, MAX_RECEIVERS);
    putLast(this.#byPerson, person, hers, MAX_PEOPLE);
  }

  /** The last to each of those who were told last, the newest first. */
  of(person: PersonId): readonly Delivery[] {
    return [...(this.#byPerson.get(person)?.values() ?? [])].reverse();
  }
}

function putLast<K, V>(map: Map<K, V>, key: K, value: V, max: number): void {
  map.delete(key);
  map.set(key, value);
  for (const first of map.keys()) {
    if (map.size <= max) break;
    map.delete(first);
  }
}
