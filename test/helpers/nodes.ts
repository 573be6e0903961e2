import type { Cluster, Follower } from '../../src/presence/cluster.ts';
import { alone, touchedBy } from '../../src/presence/cluster.ts';
import type { Directory } from '../../src/presence/directory.ts';
import type { Network } from '../../src/presence/network.ts';
import type { Rules } from '../../src/presence/reduce.ts';
import type { PresenceStore } from '../../src/presence/store.ts';
import { MemoryStore } from '../../src/stores/memory/memory-store.ts';
import type { TestBridge } from './bridge.ts';
import { makeBridge } from './bridge.ts';
import { ManualClock } from './clock.ts';

type News = (follower: Follower) => Promise<void>;

export interface TestNode {
  readonly bridge: TestBridge;
  /** Brings it what other nodes have changed since; nothing comes by itself. */
  hear(): Promise<void>;
  /** Loses what it has not heard, and notices. */
  miss(how?: { rewound: boolean }): Promise<void>;
}

/** Nodes over one store in memory, on one clock. */
export async function makeNodes(
  count: number,
  networks: readonly Network[],
  rules?: Rules,
): Promise<TestNode[]> {
  const store = new MemoryStore();
  const clock = new ManualClock();
  const queues: News[][] = Array.from({ length: count }, () => []);
  const nodes = queues.map((queue, index): TestNode & { start(): Promise<void> } => {
    const tell = (news: News) => queues.forEach((each, other) => other !== index && each.push(news));
    let follower: Follower | undefined;
    const follow: Cluster['follow'] = (given) => {
      follower = given;
      return Promise.resolve();
    };
    const bridge = makeBridge({
      networks,
      clock,
      store: telling(store, tell),
      cluster: { ...alone(`node-${index}`), follow },
      secrets: `node-${index}`,
      ...(rules && { rules }),
    });
    return {
      bridge,
      start: () => bridge.start(),
      hear: async () => {
        for (let news = queue.shift(); news; news = queue.shift()) if (follower) await news(follower);
      },
      miss: async (how = { rewound: false }) => {
        queue.length = 0;
        await follower?.missed(how);
      },
    };
  });
  for (const node of nodes) await node.start();
  return nodes;
}

/** The store as one node has it: what is changed through it is told. */
function telling(store: MemoryStore, tell: (news: News) => void): PresenceStore & Directory {
  return new Proxy(store, {
    get(target, name) {
      if (name === 'compareAndSet') {
        return async (...[person, expected, record]: Parameters<PresenceStore['compareAndSet']>) => {
          const done = await target.compareAndSet(person, expected, record);
          if (done) tell((follower) => follower.recordsChanged([person]));
          return done;
        };
      }
      if (name === 'commit') {
        return async (...[changes, base]: Parameters<Directory['commit']>) => {
          await target.commit(changes, base);
          tell((follower) => follower.directoryChanged(touchedBy(changes)));
          const people = changes.flatMap((change) => (change.row === 'presence' ? [change.person] : []));
          if (people.length > 0) tell((follower) => follower.recordsChanged(people));
        };
      }
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
