import type { OwnCommits } from './caching.ts';

/** Acknowledged commits remembered until the feed comes past them. Beyond it the oldest is forgotten, and so told as news. */
const MAX_KNOWN = 100_000;

interface Commits {
  /** The last place of all, since they were forgotten last. */
  newest: number;
  /** By their places in the outbox. */
  readonly acknowledged: Set<number>;
  /** Those that have not been answered yet. */
  readonly underWay: Set<Promise<void>>;
}

/** This node's own commits: what of them it has acknowledged to whoever asked for them is no news to it. */
export class CommitLog implements OwnCommits {
  readonly #primaries = new Map<string, Commits>();

  begin(primary: string): (seq: number | null) => void {
    const commits = this.#at(primary);
    const { acknowledged, underWay } = commits;
    let end: () => void = () => undefined;
    const ended = new Promise<void>((resolve) => (end = resolve));
    underWay.add(ended);
    return (seq) => {
      if (seq !== null) {
        acknowledged.add(seq);
        commits.newest = Math.max(commits.newest, seq);
      }
      const [oldest] = acknowledged;
      if (acknowledged.size > MAX_KNOWN && oldest !== undefined) acknowledged.delete(oldest);
      underWay.delete(ended);
      end();
    };
  }

  /**
   * Whether this node has acknowledged its commit at that place, which is then forgotten. One that may be about to be
   * answered is waited for.
   */
  async take(primary: string, seq: number): Promise<boolean> {
    const { acknowledged, underWay } = this.#at(primary);
    const awaited = new Set(underWay);
    while (!acknowledged.has(seq) && awaited.size > 0) {
      await Promise.race(awaited);
      for (const each of awaited) if (!underWay.has(each)) awaited.delete(each);
    }
    return acknowledged.delete(seq);
  }

  /** The last place that was acknowledged. Whoever reads the outbox from now on must come to it. */
  newest(primary: string): number {
    return this.#at(primary).newest;
  }

  /** The feed will not come past what was acknowledged before. */
  forget(primary: string): void {
    const commits = this.#at(primary);
    commits.acknowledged.clear();
    commits.newest = 0;
  }

  #at(primary: string): Commits {
    const known = this.#primaries.get(primary);
    if (known) return known;
    const made = { newest: 0, acknowledged: new Set<number>(), underWay: new Set<Promise<void>>() };
    this.#primaries.set(primary, made);
    return made;
  }
}
