import type { Directory } from '../../src/presence/directory.ts';
import type { PresenceStore } from '../../src/presence/store.ts';

type Store = PresenceStore & Directory;

/** The store with some of its methods replaced; all else is passed on. */
export function bendStore(store: Store, bent: Partial<PresenceStore>): Store {
  return new Proxy(store, {
    get(target, key) {
      const value: unknown = Reflect.get(bent, key) ?? Reflect.get(target, key);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

export interface FailingStore {
  readonly store: Store;
  broken: boolean;
}

/** The store, which refuses every change of a record with `error` while it is `broken`. */
export function failOnDemand(store: Store, error: Error): FailingStore {
  const compareAndSet: Store['compareAndSet'] = (...change) =>
    failing.broken ? Promise.reject(error) : store.compareAndSet(...change);
  const failing = { store: bendStore(store, { compareAndSet }), broken: false };
  return failing;
}
