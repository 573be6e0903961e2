import type { Cluster, Follower } from '../../presence/cluster.ts';
import { Serial } from '../../presence/serial.ts';
import type { StoreLogger } from '../logger.ts';
import type { Duties } from './duties.ts';
import type { Feed, FeedOptions } from './feed.ts';

export interface NodeClusterOptions {
  readonly node: string;
  /** One for each primary, by its identity, once this can pass its news on. */
  readonly feeds: (tell: FeedOptions['tell']) => ReadonlyMap<string, Feed>;
  readonly duties: Duties;
  /** What the store itself needs done, by one of those who follow. */
  readonly standing: ReadonlyMap<string, () => AsyncDisposable>;
  readonly logger: StoreLogger;
}

/** One of the nodes over the same primaries. */
export class NodeCluster implements Cluster, AsyncDisposable {
  readonly node: string;
  readonly #options: NodeClusterOptions;
  readonly #feeds: ReadonlyMap<string, Feed>;
  /** The news of all primaries, one after the other. */
  readonly #turns = new Serial<'follower'>();
  #follower: Follower | null = null;

  constructor(options: NodeClusterOptions) {
    this.node = options.node;
    this.#options = options;
    this.#feeds = options.feeds((news) => this.#tell(news));
  }

  get isCurrent(): boolean {
    for (const feed of this.#feeds.values()) if (!feed.isCurrent) return false;
    return true;
  }

  /** The newest commit of a primary that this node has heard of. */
  heardOf(primary: string): number {
    return this.#feeds.get(primary)?.heardOf ?? 0;
  }

  /** Throws `store_unavailable` when a primary cannot be reached. */
  async follow(follower: Follower): Promise<void> {
    this.#follower = follower;
    await Promise.all([...this.#feeds.values()].map((feed) => feed.start()));
    for (const [duty, begin] of this.#options.standing) this.hold(duty, begin);
  }

  hold(duty: string, begin: () => AsyncDisposable): AsyncDisposable {
    return this.#options.duties.hold(duty, begin);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const parts = [this.#options.duties, ...this.#feeds.values()];
    await Promise.all(parts.map((part) => part[Symbol.asyncDispose]()));
  }

  async #tell(news: (follower: Follower) => Promise<void>): Promise<void> {
    const follower = this.#follower;
    if (!follower) return;
    try {
      await this.#turns.run('follower', () => news(follower));
    } catch (err) {
      this.#options.logger.error({ err }, 'news of other nodes could not be followed');
    }
  }
}
