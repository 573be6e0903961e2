import type { Directory } from './directory.ts';
import type { Person, PersonId } from './identity.ts';
import { Serial } from './serial.ts';
import type { Change, PresenceService } from './service.ts';
import type { Own, Shown } from './shown.ts';
import { NOTHING_SHOWN, sameShown } from './shown.ts';
import { maySee } from './visibility.ts';

/** What an observer is shown of one of her contacts; nothing is shown of whom she may not see any more. */
export interface Sighting {
  readonly person: Person;
  readonly shown: Shown;
}

/** Where an observer's live view goes. Called in order, one change never twice; must not throw. */
export interface Watcher {
  sighted(sighting: Sighting): void;
  /** What the observer sees of herself has changed. */
  own(own: Own): void;
}

export interface Watch extends Disposable {
  /** What the observer may see of her contacts at the start, oldest contact first. */
  readonly sightings: readonly Sighting[];
  readonly own: Own;
}

interface View extends Sighting {
  readonly version: number;
}

/** One person who is listening, on any number of connections. */
interface Observer {
  readonly id: PersonId;
  readonly watchers: Set<Watcher>;
  /** Contacts she may see, and what she was last shown of each. */
  readonly views: Map<PersonId, View>;
}

/**
 * Who watches whom, among those who are listening now (semantics §9). Relations are read when an observer comes and
 * whenever one of them changes; between those a change of presence costs one look-up per listening watcher.
 */
export class Audience implements Disposable {
  readonly #directory: Directory;
  readonly #presence: PresenceService;
  readonly #observers = new Map<PersonId, Observer>();
  readonly #watching = new Map<PersonId, Set<Observer>>();
  readonly #turns = new Serial<PersonId>();
  readonly #unsubscribe: () => void;

  constructor(directory: Directory, presence: PresenceService) {
    this.#directory = directory;
    this.#presence = presence;
    this.#unsubscribe = presence.subscribe((change) => this.#changed(change));
  }

  /** Starts to tell `watcher` of the observer's contacts and of herself, until disposed. Errors as in the store. */
  async watch(id: PersonId, watcher: Watcher): Promise<Watch> {
    return this.#turns.run(id, async () => {
      const observer = this.#observers.get(id) ?? { id, watchers: new Set(), views: new Map() };
      if (!this.#observers.has(id)) {
        this.#observers.set(id, observer);
        await this.#refresh(observer);
      }
      const own = await this.#presence.own(id);
      observer.watchers.add(watcher);
      return {
        own,
        sightings: [...observer.views.values()],
        [Symbol.dispose]: () => {
          observer.watchers.delete(watcher);
          if (observer.watchers.size === 0) this.#forget(observer);
        },
      };
    });
  }

  /** These observers may see more or less of each other now. Errors as in the store. */
  async refresh(observers: Iterable<PersonId>): Promise<void> {
    await Promise.all(
      [...new Set(observers)]
        .filter((id) => this.#observers.has(id))
        .map((id) =>
          this.#turns.run(id, async () => {
            const observer = this.#observers.get(id);
            if (observer) await this.#refresh(observer);
          }),
        ),
    );
  }

  /** Anybody may see more or less of these people now. Errors as in the store. */
  async refreshAround(people: readonly PersonId[]): Promise<void> {
    const listers = await Promise.all(people.map((id) => this.#directory.relations.listersOf(id)));
    const watching = people.flatMap((id) => [...(this.#watching.get(id) ?? [])].map(({ id }) => id));
    await this.refresh([...people, ...listers.flat(), ...watching]);
  }

  [Symbol.dispose](): void {
    this.#unsubscribe();
  }

  #changed({ person, version, own, shown }: Change): void {
    for (const watcher of this.#observers.get(person)?.watchers ?? []) watcher.own(own);
    for (const observer of this.#watching.get(person) ?? []) {
      const view = observer.views.get(person);
      if (view && version >= view.version) this.#show(observer, { ...view, version, shown });
    }
  }

  /** Reads anew whom she may see, and tells her of whoever came, went, or looks different. */
  async #refresh(observer: Observer): Promise<void> {
    const { people, relations } = this.#directory;
    const visible = new Map<PersonId, Person>();
    for (const id of await relations.contactsOf(observer.id)) {
      const person = await people.byId(id);
      if (person && maySee(person.visibility, await relations.between(observer.id, id))) {
        visible.set(id, person);
      }
    }
    for (const [id, { person }] of observer.views) {
      if (visible.has(id)) continue;
      this.#show(observer, { person, version: Infinity, shown: NOTHING_SHOWN });
      observer.views.delete(id);
      this.#unwatch(observer, id);
    }
    for (const [id, person] of visible) {
      // Watched before it is read, so that no change falls between.
      const watching = this.#watching.get(id) ?? new Set();
      this.#watching.set(id, watching.add(observer));
      const { version, shown } = await this.#presence.look(id);
      const view = observer.views.get(id);
      if (!view || version >= view.version) this.#show(observer, { person, version, shown });
    }
  }

  #show(observer: Observer, next: View): void {
    const before = observer.views.get(next.person.id);
    // What is not worth telling is not kept either, so that small steps add up until they are.
    if (before && sameShown(before.shown, next.shown)) return;
    observer.views.set(next.person.id, next);
    for (const watcher of observer.watchers) watcher.sighted(next);
  }

  #forget(observer: Observer): void {
    this.#observers.delete(observer.id);
    for (const id of observer.views.keys()) this.#unwatch(observer, id);
  }

  #unwatch(observer: Observer, target: PersonId): void {
    const watching = this.#watching.get(target);
    watching?.delete(observer);
    if (watching?.size === 0) this.#watching.delete(target);
  }
}
