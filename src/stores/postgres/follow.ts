import type { Clock } from '../../presence/clock.ts';
import type { StoreLogger } from '../logger.ts';
import { CachedDirectory } from './cached-directory.ts';
import { directoryReader } from './directory-reader.ts';
import type { Terms } from './duties.ts';
import { Duties } from './duties.ts';
import type { FeedOptions } from './feed.ts';
import { Feed } from './feed.ts';
import type { FeedMetrics } from './metrics.ts';
import { NodeCluster } from './node-cluster.ts';
import { OutboxReader } from './outbox-reader.ts';
import { CommitLog } from './own-commits.ts';
import type { Primary } from './primary.ts';
import { RecordCache } from './record-cache.ts';

export interface FollowOptions {
  readonly home: Primary;
  /** Home included. */
  readonly primaries: readonly Primary[];
  readonly node: string;
  readonly terms: Terms;
  /** What the store itself needs done, by one of those who follow. */
  readonly standing: ReadonlyMap<string, () => AsyncDisposable>;
  /** The most records remembered, and answers of the directory of each kind. */
  readonly cacheSize: number;
  readonly metrics: FeedMetrics;
  readonly logger: StoreLogger;
  readonly clock: Clock;
}

/** What a node remembers, and the feed that keeps it true once it is followed. */
export function follow(options: FollowOptions) {
  const { home, primaries, cacheSize: max } = options;
  const duties = new Duties(options);
  const commits = new CommitLog();
  const believed = () => cluster.isCurrent;
  const heardOf = (primary: string) => cluster.heardOf(primary);
  const records = new RecordCache({ max, believed, heardOf });
  const directory = new CachedDirectory({
    inner: directoryReader(home),
    max,
    believed,
    heardOf: () => heardOf(home.id),
  });
  const remembered: FeedOptions['remembered'] = {
    recordChanged: (person, at, record) => records.changed(person, at, record),
    directoryChanged: (rows) => directory.changed(rows),
    clear: () => {
      records.clear();
      directory.clear();
    },
  };
  const feedOf = (primary: Primary, tell: FeedOptions['tell']) =>
    new Feed({
      ...options,
      primary: primary.id,
      place: primary.place,
      open: (events) => OutboxReader.open(primary, events),
      commits,
      remembered,
      tell,
      notified: (payload) => duties.notified(payload),
      random: Math.random,
    });
  const cluster: NodeCluster = new NodeCluster({
    ...options,
    duties,
    feeds: (tell) => new Map(primaries.map((primary) => [primary.id, feedOf(primary, tell)])),
  });
  return { records, directory, commits, cluster };
}
