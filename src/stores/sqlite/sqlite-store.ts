import type { Directory, DirectoryChange } from '../../presence/directory.ts';
import { BridgeError } from '../../presence/errors.ts';
import type { PersonId } from '../../presence/identity.ts';
import type { PresenceRecord } from '../../presence/record.ts';
import type { PresenceStore } from '../../presence/store.ts';
import { traced } from '../../metrics/tracing.ts';
import { Batcher } from '../batcher.ts';
import type { RowChange } from './directory-writer.ts';
import type { StoreLogger } from '../logger.ts';
import type { Folding } from './folding.ts';
import { encodeBody } from './log-body.ts';
import type { LogBatch, LogReply } from './log-worker.ts';
import type { Records } from './records.ts';
import type { Remembered } from './remembered.ts';
import type { Calls } from './worker-calls.ts';

export interface SqliteParts {
  readonly records: Records;
  readonly directory: Remembered;
  readonly log: Calls<LogBatch, LogReply>;
  readonly folding: Folding;
  readonly logger: StoreLogger;
  /** The most changes that may wait for a commit. */
  readonly queueLimit: number;
  /** Notes that both files were closed in good order. */
  readonly markClean: () => void;
  /** Frees the data folder. */
  readonly release: () => void;
}

type RecordRow = Extract<DirectoryChange, { row: 'presence' }>;

/** What stands or falls together. */
interface Entry {
  readonly records: readonly Omit<RecordRow, 'row'>[];
  readonly rows: readonly RowChange[];
  /** The position of the directory that the rows build on, where it matters. */
  readonly base?: number | undefined;
}

/** Presence and directory in one folder: a log that is the truth, and a state that it is folded into. */
export class SqliteStore implements PresenceStore, Directory, AsyncDisposable {
  readonly people: Directory['people'];
  readonly tokens: Directory['tokens'];
  readonly heldTokens: Directory['heldTokens'];
  readonly relations: Directory['relations'];
  readonly audit: Directory['audit'];
  readonly #parts: SqliteParts;
  readonly #batcher: Batcher<Entry, BridgeError | null>;
  /** The change of each person that is being made durable. */
  readonly #inFlight = new Map<PersonId, Promise<unknown>>();
  /** Commits of the directory in this life: nobody else commits to it. */
  #position = 0;
  #failing = false;
  #closed: Promise<void> | null = null;

  constructor(parts: SqliteParts) {
    this.#parts = parts;
    this.people = parts.directory.people;
    this.tokens = parts.directory.tokens;
    this.heldTokens = parts.directory.heldTokens;
    this.relations = parts.directory.relations;
    this.audit = parts.directory.audit;
    const commit = (entries: readonly Entry[]) => this.#commitBatch(entries);
    this.#batcher = new Batcher({
      commit: traced('store.commit', { 'db.system.name': 'sqlite' }, commit),
      limit: parts.queueLimit,
    });
  }

  // An async function turns what is thrown into a rejection.
  // eslint-disable-next-line @typescript-eslint/require-await
  async get(person: PersonId): Promise<PresenceRecord | null> {
    this.#refuseWhenClosed();
    return this.#parts.records.get(person);
  }

  meta(key: string): Promise<string | null> {
    return this.#parts.directory.meta(key);
  }

  compareAndSet(person: PersonId, expected: number, value: PresenceRecord): Promise<boolean> {
    return this.#write({ records: [{ person, expected, value }], rows: [] });
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- the port is asynchronous
  async *unsettled(now: number): AsyncGenerator<readonly [PersonId, PresenceRecord]> {
    this.#refuseWhenClosed();
    yield* this.#parts.records.unsettled(now);
  }

  position(): Promise<number> {
    return Promise.resolve(this.#position);
  }

  async commit(changes: readonly DirectoryChange[], base?: number): Promise<void> {
    const records = changes.filter((change) => change.row === 'presence');
    const rows = changes.filter((change) => change.row !== 'presence');
    if (!(await this.#write({ records, rows, base }))) throw new BridgeError('conflict');
  }

  /** Folds all that is committed by now; see `Folding`. */
  fold(): Promise<void> {
    return this.#parts.folding.fold();
  }

  /** Refuses what comes later, finishes what was accepted, and leaves the files checkpointed. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  /** False when a record is of another version. */
  async #write(entry: Entry): Promise<boolean> {
    this.#refuseWhenClosed();
    for (let busy = this.#busy(entry); busy; busy = this.#busy(entry)) await busy.catch(() => undefined);

    const { records } = this.#parts;
    const stale = entry.records.some(
      ({ person, expected }) => (records.get(person)?.version ?? 0) !== expected,
    );
    if (stale) return false;

    const done = this.#batcher.add(entry);
    for (const { person } of entry.records) this.#inFlight.set(person, done);
    try {
      const refusal = await done;
      if (refusal) throw refusal;
      return true;
    } finally {
      for (const { person } of entry.records) this.#inFlight.delete(person);
    }
  }

  /** A change in flight that the entry must wait for: only its outcome tells the version. */
  #busy({ records }: Entry): Promise<unknown> | undefined {
    for (const { person } of records) {
      const change = this.#inFlight.get(person);
      if (change) return change;
    }
    return undefined;
  }

  async #commitBatch(entries: readonly Entry[]): Promise<(BridgeError | null)[]> {
    const { log, folding, records, directory } = this.#parts;
    const seq = folding.seq + 1;
    const { alone, commits, overtaken } = this.#sort(entries);
    const reply = await this.#watch(
      log.call({
        seq,
        folded: folding.folded,
        body: encodeBody(alone.flatMap((entry) => entry.records)),
        commits: commits.map((entry) => ({ rows: entry.rows, body: encodeBody(entry.records) })),
      }),
    ).finally(() => {
      for (const { rows } of commits) directory.forget(rows);
    });

    const reasons = new Map<Entry, string>(overtaken.map((entry) => [entry, '']));
    commits.forEach((entry, index) => {
      const reason = reply[index] ?? null;
      if (reason !== null) reasons.set(entry, reason);
      else this.#position++;
    });
    const changes = entries.flatMap((entry) => (reasons.has(entry) ? [] : entry.records));
    for (const { person, value } of changes) records.set(person, value);
    if (changes.length > 0) folding.committed(seq);
    return entries.map((entry) => {
      const reason = reasons.get(entry);
      return reason === undefined ? null : new BridgeError('conflict', reason);
    });
  }

  /** What of a batch changes the directory, what does not, and what builds on a directory that has gone on since. */
  #sort(entries: readonly Entry[]) {
    const alone = entries.filter(({ rows }) => rows.length === 0);
    const commits: Entry[] = [];
    const overtaken: Entry[] = [];
    for (const entry of entries) {
      if (entry.rows.length === 0) continue;
      const isCurrent = entry.base === undefined || entry.base === this.#position + commits.length;
      (isCurrent ? commits : overtaken).push(entry);
    }
    return { alone, commits, overtaken };
  }

  /** Tells the operator when writing stops working, and when it works again. */
  async #watch<T>(written: Promise<T>): Promise<T> {
    const { logger } = this.#parts;
    try {
      const result = await written;
      if (this.#failing) logger.info('the store writes again');
      this.#failing = false;
      return result;
    } catch (err) {
      if (!this.#failing) logger.error({ err }, 'the store cannot write; changes are refused until it can');
      this.#failing = true;
      throw err;
    }
  }

  #refuseWhenClosed(): void {
    if (this.#closed) throw new BridgeError('store_unavailable');
  }

  async #close(): Promise<void> {
    const { folding, log, logger, markClean, release } = this.#parts;
    while (this.#inFlight.size > 0) await Promise.allSettled(this.#inFlight.values());
    await this.#batcher[Symbol.asyncDispose]();
    try {
      await folding[Symbol.asyncDispose]();
      await log[Symbol.asyncDispose]();
      markClean();
    } catch (err) {
      logger.error({ err }, 'the store was not closed in good order; the next start checks the files');
    } finally {
      release();
    }
  }
}
