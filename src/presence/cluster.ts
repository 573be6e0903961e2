import type { DirectoryChange } from './directory.ts';
import type { PersonId } from './identity.ts';

/** What the nodes over one store tell each other and share out among themselves. */
export interface Cluster {
  /** Names this node in this life: no two processes have the same. */
  readonly node: string;
  /** Whether this node knows of all that others had committed until shortly before now. */
  readonly isCurrent: boolean;
  /**
   * Tells the follower what other nodes change, each commit once and in order, after `get` and every reader of the
   * directory see it. Resolves once it follows; called once. Waits for the follower before it goes on.
   */
  follow(follower: Follower): Promise<void>;
  /**
   * Does work that only one node at a time may do: `begin` starts it when it falls to this node, and what that gives is
   * disposed when it is taken away, before another node begins. The result gives the duty back.
   */
  hold(duty: string, begin: () => AsyncDisposable): AsyncDisposable;
}

/** Must not throw or reject: what it cannot do it reports by itself. */
export interface Follower {
  recordsChanged(people: readonly PersonId[]): Promise<void>;
  directoryChanged(touched: Touched): Promise<void>;
  /**
   * Anything may have changed unheard: whatever is shown has to be read again. `rewound`: the store was replaced by an
   * older copy of itself, so that versions may have gone back.
   */
  missed(how: { readonly rewound: boolean }): Promise<void>;
}

/** Whom a commit of the directory concerns. */
export interface Touched {
  /** Whether some token may speak for another person now, or for nobody. */
  readonly tokens: boolean;
  /** Who goes by other names, accounts or rules of visibility. */
  readonly people: readonly PersonId[];
  /** Each two who may see more or less of each other. */
  readonly pairs: readonly (readonly [PersonId, PersonId])[];
}

/** Whom these changes concern; records aside, which are told by themselves. */
export function touchedBy(changes: readonly DirectoryChange[]): Touched {
  const people = changes.flatMap((change) => {
    if (change.row === 'person') return [change.id];
    return change.row === 'address' && change.value ? [change.value.person] : [];
  });
  const pairs = changes.flatMap((change): [PersonId, PersonId][] => {
    if (change.row === 'contact') return [[change.owner, change.target]];
    return change.row === 'block' ? [[change.blocker, change.blocked]] : [];
  });
  const tokens = changes.some(({ row }) => row === 'token');
  return { tokens, people: [...new Set(people)], pairs };
}

/** The only node over its store. */
export function alone(node: string): Cluster {
  return {
    node,
    isCurrent: true,
    follow: () => Promise.resolve(),
    hold: (_duty, begin) => begin(),
  };
}
