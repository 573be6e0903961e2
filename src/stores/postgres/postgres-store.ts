import { traced } from '../../metrics/tracing.ts';
import type { Cluster, Follower } from '../../presence/cluster.ts';
import type { Directory, DirectoryChange } from '../../presence/directory.ts';
import { BridgeError } from '../../presence/errors.ts';
import type { PersonId } from '../../presence/identity.ts';
import type { PresenceRecord } from '../../presence/record.ts';
import type { PresenceStore } from '../../presence/store.ts';
import type { DirectoryView, RecordView } from './caching.ts';
import { directoryRow } from './directory-rows.ts';
import type { DirectoryWriter, Written } from './directory-writer.ts';
import type { Primary } from './primary.ts';
import type { RecordRow, RecordsAt } from './records.ts';
import type { BucketLimits } from '../../admission/token-buckets.ts';
import type { BucketKinds, SharedBuckets } from './shared-buckets.ts';
import type { ShardMap } from './shard-map.ts';
import { shardOf } from './shard-map.ts';

export interface PostgresParts {
  readonly map: ShardMap;
  readonly recordsAt: ReadonlyMap<Primary, RecordsAt>;
  readonly writer: DirectoryWriter;
  readonly records: RecordView;
  readonly directory: DirectoryView;
  readonly cluster: Cluster;
  readonly buckets: Pick<BucketKinds, 'open'>;
  /** Ends the feed and the duties, then the connections, once nothing is in flight. */
  readonly release: () => Promise<void>;
}

type RecordChange = Omit<Extract<DirectoryChange, { row: 'presence' }>, 'row'>;
type RowChange = Exclude<DirectoryChange, { row: 'presence' }>;

/** What is stored of somebody now, as far as a change in flight can tell; null when it cannot. */
type Known = number | null;

/** Presence and directory on PostgreSQL servers, for any number of nodes. */
export class PostgresStore implements PresenceStore, Directory, Cluster, AsyncDisposable {
  readonly node: string;
  readonly people: Directory['people'];
  readonly tokens: Directory['tokens'];
  readonly heldTokens: Directory['heldTokens'];
  readonly audit: Directory['audit'];
  readonly relations: Directory['relations'];
  readonly #parts: PostgresParts;
  readonly #writeDirectory: DirectoryWriter['write'];
  /** The change of each person that is being made durable. */
  readonly #inFlight = new Map<PersonId, Promise<Known>>();
  #closed: Promise<void> | null = null;

  constructor(parts: PostgresParts) {
    this.#parts = parts;
    const write: DirectoryWriter['write'] = (commit) => parts.writer.write(commit);
    this.#writeDirectory = traced('store.commit', { 'db.system.name': 'postgresql' }, write);
    this.node = parts.cluster.node;
    this.people = parts.directory.people;
    this.tokens = parts.directory.tokens;
    this.heldTokens = parts.directory.heldTokens;
    this.audit = parts.directory.audit;
    this.relations = parts.directory.relations;
  }

  async get(person: PersonId): Promise<PresenceRecord | null> {
    this.#refuseWhenClosed();
    const { map, records } = this.#parts;
    const shard = shardOf(person);
    return records.get(person, () => map.chase(() => this.#at(shard).read(person, shard)));
  }

  async compareAndSet(person: PersonId, expected: number, record: PresenceRecord): Promise<boolean> {
    const shard = shardOf(person);
    const { map } = this.#parts;
    return this.#write([{ person, expected, value: record }], async () => {
      const outcome = await map.chase(() => this.#at(shard).put({ person, shard, expected, record }));
      return outcome === 'done';
    });
  }

  async *unsettled(now: number): AsyncGenerator<readonly [PersonId, PresenceRecord]> {
    this.#refuseWhenClosed();
    const { map, recordsAt } = this.#parts;
    // Once more when a shard has moved meanwhile: it may have been looked for at both places at the wrong time.
    let edition: number;
    do {
      edition = map.edition;
      for (const records of recordsAt.values()) yield* records.unsettled(now);
      await map.load();
    } while (map.edition !== edition);
  }

  meta(key: string): Promise<string | null> {
    return this.#parts.directory.meta(key);
  }

  position(): Promise<number> {
    return this.#parts.directory.position();
  }

  async commit(changes: readonly DirectoryChange[], base?: number): Promise<void> {
    const records = lastOfEach(changes.filter((change) => change.row === 'presence'));
    const rows = changes.filter((change) => change.row !== 'presence');
    if (records.length === 0 && rows.length === 0 && base === undefined) return;
    const done = await this.#write(records, async () => {
      this.#remember(records, await this.#commit(records, rows, base));
      return true;
    });
    if (!done) throw new BridgeError('conflict');
  }

  get isCurrent(): boolean {
    return this.#parts.cluster.isCurrent;
  }

  follow(follower: Follower): Promise<void> {
    return this.#parts.cluster.follow(follower);
  }

  hold(duty: string, begin: () => AsyncDisposable): AsyncDisposable {
    return this.#parts.cluster.hold(duty, begin);
  }

  /** Rate limits of that name that hold over all nodes. */
  buckets(name: string, limits: BucketLimits): SharedBuckets {
    return this.#parts.buckets.open(name, limits);
  }

  /** Refuses what comes later, and finishes what was accepted. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** One change of a person at a time. False when a record is of another version. */
  async #write(changes: readonly RecordChange[], run: () => Promise<boolean>): Promise<boolean> {
    this.#refuseWhenClosed();
    for (let busy = this.#busy(changes); busy; busy = this.#busy(changes)) {
      const stored = await busy.inFlight;
      if (stored !== null && stored !== busy.expected) return false;
    }
    const done = run();
    for (const { person, value } of changes) {
      const outcome = done.then((won) => (won ? (value?.version ?? 0) : null));
      this.#inFlight.set(
        person,
        outcome.catch(() => null),
      );
    }
    try {
      return await done;
    } finally {
      for (const { person } of changes) this.#inFlight.delete(person);
    }
  }

  #busy(changes: readonly RecordChange[]): { inFlight: Promise<Known>; expected: number } | null {
    for (const { person, expected } of changes) {
      const inFlight = this.#inFlight.get(person);
      if (inFlight) return { inFlight, expected };
    }
    return null;
  }

  async #commit(
    records: readonly RecordChange[],
    changes: readonly RowChange[],
    base: number | undefined,
  ): Promise<Written> {
    const { map, records: view, directory } = this.#parts;
    const rows = changes.map(directoryRow);
    try {
      return await map.chase(() => this.#writeDirectory({ records: this.#byPrimary(records), rows, base }));
    } catch (error) {
      const known = error instanceof BridgeError && error.code === 'conflict';
      view.forget(records.map(({ person }) => person));
      if (!known) directory.clear();
      throw error;
    }
  }

  #remember(records: readonly RecordChange[], { places, rows: changed }: Written): void {
    const { records: view, directory } = this.#parts;
    for (const [primary, rows] of this.#byPrimary(records)) {
      const at = places.get(primary);
      for (const { person, record } of rows) {
        if (at) view.committed(person, { record, at });
        else view.forget([person]);
      }
    }
    directory.changed(changed);
  }

  #byPrimary(records: readonly RecordChange[]): Map<Primary, RecordRow[]> {
    const parts = new Map<Primary, RecordRow[]>();
    for (const { person, expected, value } of records) {
      const shard = shardOf(person);
      const primary = this.#parts.map.locate(shard);
      const rows = parts.get(primary) ?? [];
      parts.set(primary, rows);
      rows.push({ person, shard, expected, record: value });
    }
    return parts;
  }

  #at(shard: number): RecordsAt {
    const { map, recordsAt } = this.#parts;
    const records = recordsAt.get(map.locate(shard));
    if (!records) throw new BridgeError('store_unavailable');
    return records;
  }

  #refuseWhenClosed(): void {
    if (this.#closed) throw new BridgeError('store_unavailable');
  }

  async #close(): Promise<void> {
    while (this.#inFlight.size > 0) await Promise.allSettled(this.#inFlight.values());
    await this.#parts.release();
  }
}

/** Of several changes of one person the last, which is what they come to. Throws `conflict` when they disagree on her version. */
function lastOfEach(changes: readonly RecordChange[]): RecordChange[] {
  const last = new Map<PersonId, RecordChange>();
  for (const change of changes) {
    if ((last.get(change.person)?.expected ?? change.expected) !== change.expected)
      throw new BridgeError('conflict');
    last.set(change.person, change);
  }
  return [...last.values()];
}
