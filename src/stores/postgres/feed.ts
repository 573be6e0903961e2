import type { Clock } from '../../presence/clock.ts';
import type { Follower, Touched } from '../../presence/cluster.ts';
import type { PersonId } from '../../presence/identity.ts';
import type { PresenceRecord } from '../../presence/record.ts';
import type { StoreLogger } from '../logger.ts';
import { decodeRecord } from '../record-codec.ts';
import { Bell } from './bell.ts';
import type { Place } from './caching.ts';
import { changedRow, touchedBy } from './changed-rows.ts';
import type { DirectoryRow } from './directory-rows.ts';
import type { FeedMetrics } from './metrics.ts';
import type { OutboxReader, OutboxRow, Position, ReaderEvents } from './outbox-reader.ts';
import type { CommitLog } from './own-commits.ts';

/** The longest between two reads, notified or not, ms. They also prove that the connection lives. */
const POLL_MS = 1_000;
/** How long what was read is believed to be all there is, ms. */
const STALENESS_MS = 3_000;
/** Commits read at a time, which is all that is held of them. */
const BATCH = 100;
/** Before the first further try to connect, and at most before any, ms. */
const RETRY_MS = { first: 100, most: 5_000 };

/** What this node remembers, as far as the feed changes it. */
export interface Remembered {
  recordChanged(person: PersonId, at: Place, record: () => PresenceRecord | null): void;
  directoryChanged(rows: readonly DirectoryRow[]): void;
  clear(): void;
}

export interface FeedOptions {
  /** Identifies the primary, and names it to an operator. */
  readonly primary: string;
  readonly place: string;
  /** This process, as the outbox names it. */
  readonly node: string;
  readonly open: (events: ReaderEvents) => Promise<Reader>;
  readonly commits: Pick<CommitLog, 'take' | 'newest' | 'forget'>;
  readonly remembered: Remembered;
  /** Must not reject. */
  readonly tell: (news: (follower: Follower) => Promise<void>) => Promise<void>;
  /** The connection was told something, of commits or of anything else. */
  readonly notified: (payload: string) => void;
  readonly metrics: FeedMetrics;
  readonly logger: StoreLogger;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
}

export type Reader = Pick<OutboxReader, 'life' | 'forgetful' | 'mark' | 'read'> & AsyncDisposable;

/** A commit, and whom it concerns where it changes the directory. */
interface News {
  readonly row: OutboxRow;
  readonly touched: Touched | null;
}

/**
 * Reads what is committed at one primary, in order. First what this node remembers is brought up to it, then the follower is
 * told, and only then comes the next batch.
 */
export class Feed implements AsyncDisposable {
  readonly #options: FeedOptions;
  /** Rung when there may be something to read. */
  readonly #due = new Bell();
  /** Rung when it is time to try again to connect. */
  readonly #again = new Bell();
  #reader: Reader | null = null;
  /** Of the database; null once it is in doubt. */
  #life: string | null = null;
  #position: Position = { seq: 0, at: '', node: '' };
  /** When the last read began that left nothing unread, ms since 1970. */
  #readAt = -Infinity;
  /** The last tick for which that is so, and one that waits for its read. */
  #readTick = -Infinity;
  #tickedAt: number | null = null;
  #timer: Disposable | null = null;
  #running: Promise<void> | null = null;
  #failures = 0;
  #closed = false;

  constructor(options: FeedOptions) {
    this.#options = options;
  }

  /** The newest commit that this node has heard of. */
  get heardOf(): number {
    return this.#position.seq;
  }

  /** Whether this node knows of everything that was committed until shortly before now. */
  get isCurrent(): boolean {
    const age = this.#options.clock.now() - this.#readAt;
    return age >= 0 && age < STALENESS_MS;
  }

  /** Follows from now on. Throws `store_unavailable` when the primary cannot be reached. */
  async start(): Promise<void> {
    this.#reader = await this.#connect();
    try {
      await this.#skip(this.#reader);
    } catch (error) {
      await this.#drop();
      throw error;
    }
    this.#readTick = this.#options.clock.now();
    this.#timer = this.#options.clock.after(POLL_MS, () => this.#tick());
    this.#running = this.#run();
  }

  /** Waits for the follower. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#timer?.[Symbol.dispose]();
    this.#due.ring();
    this.#again.ring();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#closed) {
      try {
        const reader = this.#reader ?? (await this.#resume());
        await this.#due.rung();
        // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- it changes while this waits
        while (!this.#closed && (await this.#next(reader)));
      } catch (err) {
        await this.#fail(err);
      }
    }
    await this.#drop();
  }

  /** Reads one batch and passes it on. Resolves whether there is more. */
  async #next(reader: Reader): Promise<boolean> {
    const { clock, primary, commits } = this.#options;
    const [began, ticked, owed] = [clock.now(), this.#tickedAt, commits.newest(primary)];
    const batch = await reader.read(this.#position, BATCH);
    this.#recovered();
    if (batch.kind === 'lost') {
      await this.#lose(reader, batch.rewound);
      return true;
    }
    const news = this.#take(batch.rows);
    if (!news) {
      await this.#lose(reader, false);
      return true;
    }
    if (batch.isLast && this.#position.seq < owed) {
      this.#life = null;
      throw new Error(
        'what this node has committed is not there: commits go to another database, or were undone',
      );
    }
    if (batch.isLast && this.#reader === reader) {
      this.#readAt = began;
      this.#readTick = ticked ?? this.#readTick;
    }
    await this.#pass(news);
    return !batch.isLast;
  }

  /** Brings what is remembered up to these commits. Null when one of them cannot be understood. */
  #take(rows: readonly OutboxRow[]): News[] | null {
    const { place, metrics, logger } = this.#options;
    try {
      return rows.map((row) => {
        this.#remember(row);
        // These come by the clock, and are nobody's doing.
        if (row.people.length === 0 && !row.rows) metrics.delay(place, row.delay);
        return { row, touched: row.rows && touchedBy(row.rows.map(changedRow)) };
      });
    } catch (err) {
      logger.error(
        { err },
        `${place}: a commit after ${this.#position.seq} cannot be read, and is passed over`,
      );
      return null;
    }
  }

  #remember({ people, records, rows, ...row }: OutboxRow): void {
    const { primary, remembered } = this.#options;
    people.forEach((person, index) => {
      const body = records[index] ?? null;
      const record = () => (body === null ? null : decodeRecord(body));
      remembered.recordChanged(person, { primary, seq: row.seq }, record);
    });
    if (rows) remembered.directoryChanged(rows);
    this.#position = { seq: row.seq, at: row.at, node: row.node };
  }

  /** Tells what others have committed: who may see whom before what is seen; records of commits in a row go together. */
  async #pass(news: readonly News[]): Promise<void> {
    const { primary, node, commits, tell } = this.#options;
    let people = new Set<PersonId>();
    const tellRecords = async () => {
      const changed = [...people];
      people = new Set();
      if (changed.length > 0) await tell((follower) => follower.recordsChanged(changed));
    };
    for (const { row, touched } of news) {
      if (row.node === node && (await commits.take(primary, row.seq))) continue;
      if (touched) {
        await tellRecords();
        await tell((follower) => follower.directoryChanged(touched));
      }
      for (const person of row.people) people.add(person);
    }
    await tellRecords();
  }

  /** What came after the position cannot be had any more: nothing that is remembered or shown can be relied upon. */
  async #lose(reader: Reader, rewound: boolean): Promise<void> {
    const { place, tell, metrics, logger } = this.#options;
    await this.#skip(reader);
    metrics.lost(place);
    const what = rewound ? 'commits may have been undone' : 'commits by other nodes were missed';
    logger.warn(`${place}: ${what}; everything that is shown is read again`);
    await tell((follower) => follower.missed({ rewound }));
  }

  /** Goes on from the newest commit, with nothing remembered. */
  async #skip(reader: Reader): Promise<void> {
    const { clock, node, primary, commits, remembered } = this.#options;
    const began = clock.now();
    this.#position = await reader.mark(node);
    remembered.clear();
    commits.forget(primary);
    this.#life = reader.life;
    if (this.#reader === reader) this.#readAt = began;
  }

  /** Goes on where the connection was lost, unless what was read may have been undone with it. */
  async #resume(): Promise<Reader> {
    const reader = await this.#connect();
    this.#reader = reader;
    if (reader.forgetful || reader.life !== this.#life) await this.#lose(reader, true);
    this.#due.ring();
    return reader;
  }

  async #connect(): Promise<Reader> {
    const { open, notified } = this.#options;
    return open({
      notified: (payload) => {
        notified(payload);
        this.#due.ring();
      },
      broken: () => {
        this.#readAt = -Infinity;
        this.#due.ring(); // the next read fails
      },
    });
  }

  /** Nothing is believed until a further try has succeeded; waits until it is time for it. */
  async #fail(err: unknown): Promise<void> {
    const { place, clock, random, logger } = this.#options;
    this.#readAt = -Infinity;
    if (this.#failures === 0) {
      logger.error({ err }, `${place}: other nodes cannot be heard; every read goes to the database`);
    }
    await this.#drop();
    if (this.#closed) return;
    const bound = Math.min(RETRY_MS.most, RETRY_MS.first * 2 ** this.#failures++);
    const wait = clock.after((bound * (1 + random())) / 2, () => this.#again.ring());
    await this.#again.rung();
    wait[Symbol.dispose]();
  }

  #recovered(): void {
    const { place, logger } = this.#options;
    if (this.#failures > 0) logger.info(`${place}: other nodes are heard again`);
    this.#failures = 0;
  }

  async #drop(): Promise<void> {
    const reader = this.#reader;
    this.#reader = null;
    await reader?.[Symbol.asyncDispose]();
  }

  #tick(): void {
    const { clock, metrics, place } = this.#options;
    const now = clock.now();
    metrics.age(place, Math.max(0, now - this.#readTick) / 1_000);
    this.#tickedAt = now;
    this.#due.ring();
    this.#timer = clock.after(POLL_MS, () => this.#tick());
  }
}
