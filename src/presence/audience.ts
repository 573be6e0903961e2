import type { Cluster } from './cluster.ts';
import { visibleContacts } from './contacts.ts';
import type { Deliveries } from './deliveries.ts';
import type { Directory } from './directory.ts';
import type { Person, PersonId } from './identity.ts';
import { Serial } from './serial.ts';
import type { Change, PresenceService } from './service.ts';
import type { Own, Shown } from './shown.ts';
import { NOTHING_SHOWN, sameFace } from './shown.ts';

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

/** What an observer was last told, and of which version. */
interface View extends Sighting {
  /** UNSEEN while the first look at the person is under way. */
  readonly version: number;
}
const UNSEEN = -1;

interface Listener {
  readonly watcher: Watcher;
  /** Once it has been given its start it is told what follows. */
  started: boolean;
}

/** One person who is listening, on any number of connections. */
interface Observer {
  readonly id: PersonId;
  readonly listeners: Set<Listener>;
  /** Contacts she may see. */
  readonly views: Map<PersonId, View>;
  own: Pick<Change, 'own' | 'version'> | null;
  /** Whether `views` has been read to its end once. */
  ready: boolean;
}

/**
 * Who watches whom, among those who are listening now (semantics §9). Relations are read when an observer comes and
 * whenever one of them changes; between those a change of presence costs one look-up per listening watcher.
 */
export class Audience implements Disposable {
  readonly #directory: Directory;
  readonly #presence: PresenceService;
  readonly #cluster: Pick<Cluster, 'isCurrent'>;
  readonly #deliveries: Pick<Deliveries, 'note'>;
  readonly #observers = new Map<PersonId, Observer>();
  readonly #watching = new Map<PersonId, Set<Observer>>();
  readonly #turns = new Serial<PersonId>();
  readonly #unsubscribe: () => void;

  constructor(
    directory: Directory,
    presence: PresenceService,
    cluster: Pick<Cluster, 'isCurrent'>,
    deliveries: Pick<Deliveries, 'note'>,
  ) {
    this.#directory = directory;
    this.#presence = presence;
    this.#cluster = cluster;
    this.#deliveries = deliveries;
    this.#unsubscribe = presence.subscribe((change) => this.#changed(change));
  }

  /** Starts to tell `watcher` of the observer's contacts and of herself, until disposed. Errors as in the store. */
  async watch(id: PersonId, watcher: Watcher): Promise<Watch> {
    return this.#turns.run(id, async () => {
      const observer = this.#observers.get(id) ?? newObserver(id);
      const listener: Listener = { watcher, started: false };
      this.#observers.set(id, observer);
      observer.listeners.add(listener);
      const leave = () => this.#leave(observer, listener);
      try {
        if (!observer.ready || !this.#cluster.isCurrent) await this.#refresh(observer);
        observer.ready = true;
        const look = await this.#presence.look(id);
        if (!observer.own || look.version >= observer.own.version) observer.own = look;
        listener.started = true;
        const sightings = [...observer.views.values()].map(({ person, shown }) => ({ person, shown }));
        return { own: observer.own.own, sightings, [Symbol.dispose]: leave };
      } catch (error) {
        leave();
        throw error;
      }
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

  /**
   * Somebody reads from what was told to a watcher of this observer: where others may have changed it unheard, it is brought
   * up to date before. Errors as in the store.
   */
  async catchUp(observer: PersonId): Promise<void> {
    if (!this.#cluster.isCurrent) await this.refresh([observer]);
  }

  /** Anybody may see more or less of these people now. Errors as in the store. */
  async refreshAround(people: readonly PersonId[]): Promise<void> {
    const listers = await Promise.all(people.map((id) => this.#directory.relations.listersOf(id)));
    const watching = people.flatMap((id) => [...(this.#watching.get(id) ?? [])].map(({ id }) => id));
    await this.refresh([...people, ...listers.flat(), ...watching]);
  }

  /**
   * Anything may have changed unheard: everybody who listens is brought up to date. `rewound` when versions may have gone
   * back, so that what is known tells nothing of what is newer. Errors as in the store.
   */
  async refreshAll({ rewound }: { readonly rewound: boolean }): Promise<void> {
    if (rewound) for (const observer of this.#observers.values()) forgetVersions(observer);
    const observers = [...this.#observers.keys()];
    await this.refresh(observers);
    for (const id of observers) {
      const look = await this.#presence.look(id);
      const observer = this.#observers.get(id);
      if (observer) this.#tellOwn(observer, look);
    }
  }

  [Symbol.dispose](): void {
    this.#unsubscribe();
  }

  #changed({ person, version, own, shown }: Change): void {
    const self = this.#observers.get(person);
    if (self) this.#tellOwn(self, { version, own });
    for (const observer of this.#watching.get(person) ?? []) {
      const view = observer.views.get(person);
      if (view && version >= view.version) this.#show(observer, { person: view.person, version, shown });
    }
  }

  /** Reads anew whom she may see, and tells her of whoever came, went, or looks different. */
  async #refresh(observer: Observer): Promise<void> {
    const gone = () => this.#observers.get(observer.id) !== observer;
    const visible = new Map(
      (await visibleContacts(this.#directory, observer.id)).map((person) => [person.id, person]),
    );
    if (gone()) return;
    for (const [id, { person }] of observer.views) {
      if (visible.has(id)) continue;
      this.#show(observer, { person, version: Infinity, shown: NOTHING_SHOWN });
      observer.views.delete(id);
      this.#unwatch(observer, id);
    }
    for (const [id, person] of visible) {
      // Watched before it is looked at, so that no change falls between.
      if (!observer.views.has(id)) observer.views.set(id, { person, version: UNSEEN, shown: NOTHING_SHOWN });
      this.#watching.set(id, (this.#watching.get(id) ?? new Set()).add(observer));
      const { version, shown } = await this.#presence.look(id);
      if (gone()) return;
      const view = observer.views.get(id);
      if (view)
        this.#show(observer, version >= view.version ? { person, version, shown } : { ...view, person });
    }
  }

  #show(observer: Observer, next: View): void {
    const before = observer.views.get(next.person.id);
    const known = before !== undefined && before.version !== UNSEEN;
    if (known && sameFace(before.shown, next.shown) && samePerson(before.person, next.person)) {
      // What is not worth telling is not kept, so that small steps of activity add up until they are.
      observer.views.set(next.person.id, { ...before, person: next.person });
      return;
    }
    observer.views.set(next.person.id, next);
    const sighting = { person: next.person, shown: next.shown };
    const listening = [...observer.listeners].filter(({ started }) => started);
    for (const { watcher } of listening) watcher.sighted(sighting);
    if (listening.length === 0) return;
    this.#deliveries.note(next.person.id, { to: observer.id, kind: 'person', said: next.shown.mode });
  }

  #tellOwn(observer: Observer, next: NonNullable<Observer['own']>): void {
    const before = observer.own;
    if (before && (next.version < before.version || sameFace(before.own, next.own))) return;
    observer.own = next;
    for (const { watcher, started } of observer.listeners) if (started) watcher.own(next.own);
  }

  #leave(observer: Observer, listener: Listener): void {
    observer.listeners.delete(listener);
    if (observer.listeners.size > 0 || this.#observers.get(observer.id) !== observer) return;
    this.#observers.delete(observer.id);
    for (const id of observer.views.keys()) this.#unwatch(observer, id);
  }

  #unwatch(observer: Observer, target: PersonId): void {
    const watching = this.#watching.get(target);
    watching?.delete(observer);
    if (watching?.size === 0) this.#watching.delete(target);
  }
}

function forgetVersions(observer: Observer): void {
  for (const [id, view] of observer.views) {
    if (view.version !== UNSEEN) observer.views.set(id, { ...view, version: 0 });
  }
  if (observer.own) observer.own = { ...observer.own, version: 0 };
}

function newObserver(id: PersonId): Observer {
  return { id, listeners: new Set(), views: new Map(), own: null, ready: false };
}

/** Whether she goes by the same ids, name and picture. */
function samePerson(a: Person, b: Person): boolean {
  if (a === b) return true;
  const marks = ({ displayName, avatarUrl, addresses }: Person) => [displayName, avatarUrl, addresses];
  return JSON.stringify(marks(a)) === JSON.stringify(marks(b));
}
