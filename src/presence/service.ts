import type { Clock } from './clock.ts';
import { BridgeError } from './errors.ts';
import type { Directory } from './directory.ts';
import type { Person, PersonId } from './identity.ts';
import { BLANK } from './record.ts';
import type { ExplicitWrite, Rules } from './reduce.ts';
import { reduce } from './reduce.ts';
import { Serial } from './serial.ts';
import type { Own, Shown } from './shown.ts';
import { NOTHING_SHOWN, project } from './shown.ts';
import type { PresenceStore } from './store.ts';
import { maySee } from './visibility.ts';

/** Lost races with other nodes before a write is given up as overloaded. */
const MAX_ATTEMPTS = 16;

export interface PresenceServiceOptions {
  readonly store: PresenceStore;
  readonly directory: Pick<Directory, 'relations'>;
  readonly clock: Clock;
  readonly rules: Rules;
}

/** The one write path and the one read path. Nobody else touches the records of the store. */
export class PresenceService {
  readonly #store: PresenceStore;
  readonly #directory: Pick<Directory, 'relations'>;
  readonly #clock: Clock;
  readonly #rules: Rules;
  readonly #turns = new Serial<PersonId>();

  constructor({ store, directory, clock, rules }: PresenceServiceOptions) {
    this.#store = store;
    this.#directory = directory;
    this.#clock = clock;
    this.#rules = rules;
  }

  /** Applies what she says and answers what she now sees of herself, once it is durable. Errors as in the store. */
  async write(person: PersonId, write: ExplicitWrite): Promise<Own> {
    return this.#turns.run(person, async () => {
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        const record = (await this.#store.get(person)) ?? BLANK;
        const now = this.#clock.now();
        const next = reduce(record, write, now, this.#rules);
        if (await this.#store.compareAndSet(person, record.version, next)) {
          return project(next, now, this.#rules.timing).own;
        }
      }
      throw new BridgeError('overloaded');
    });
  }

  /** What she sees of herself. */
  async own(person: PersonId): Promise<Own> {
    const record = (await this.#store.get(person)) ?? BLANK;
    return project(record, this.#clock.now(), this.#rules.timing).own;
  }

  /** What `reader` is shown of another; null when she may not see her, which must answer like unknown (semantics §9). */
  async shown(reader: PersonId, target: Person): Promise<Shown | null> {
    const relation = await this.#directory.relations.between(reader, target.id);
    if (!maySee(target.visibility, relation)) return null;
    const record = await this.#store.get(target.id);
    return record ? project(record, this.#clock.now(), this.#rules.timing).shown : NOTHING_SHOWN;
  }
}
