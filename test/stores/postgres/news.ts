import type { Follower } from '../../../src/presence/cluster.ts';
import type { PostgresStoreOptions } from '../../../src/stores/postgres/open-store.ts';
import type { PostgresStore } from '../../../src/stores/postgres/postgres-store.ts';
import { openNode } from './stores.ts';

/** What a node was told of the others, such as `record alice`, `pair alice bob`, `missed`. */
export class News implements Follower {
  readonly told: string[] = [];
  /** Called at each piece of news before it is taken as read. */
  meanwhile: () => Promise<unknown> = () => Promise.resolve();

  async recordsChanged(people: readonly string[]): Promise<void> {
    await this.#tell(people.map((person) => `record ${person}`));
  }

  async directoryChanged({
    tokens,
    people,
    pairs,
  }: Parameters<Follower['directoryChanged']>[0]): Promise<void> {
    await this.#tell([
      ...(tokens ? ['tokens'] : []),
      ...people.map((person) => `person ${person}`),
      ...pairs.map(([a, b]) => `pair ${a} ${b}`),
    ]);
  }

  async missed({ rewound }: { readonly rewound: boolean }): Promise<void> {
    await this.#tell([rewound ? 'missed, rewound' : 'missed']);
  }

  async #tell(news: readonly string[]): Promise<void> {
    await this.meanwhile();
    this.told.push(...news);
  }
}

export interface Following {
  readonly node: PostgresStore;
  readonly news: News;
}

/** A node over these databases that follows the others, closed after the test. */
export async function openFollowing(
  shards: readonly string[],
  options: Partial<PostgresStoreOptions> = {},
): Promise<Following> {
  const node = await openNode(shards, options);
  const news = new News();
  await node.follow(news);
  return { node, news };
}
