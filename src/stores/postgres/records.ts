import { traced } from '../../metrics/tracing.ts';
import { BridgeError } from '../../presence/errors.ts';
import type { PersonId } from '../../presence/identity.ts';
import type { PresenceRecord } from '../../presence/record.ts';
import { Batcher } from '../batcher.ts';
import { decodeRecord, encodeRecord } from '../record-codec.ts';
import type { Held, OwnCommits, RecordView } from './caching.ts';
import type { Primary } from './primary.ts';

/** Milliseconds in a slot of `settled_slot`. */
const SLOT_MS = 2 ** 22;
/** Records read at a time where all unsettled ones are. */
const PAGE = 1_000;

export interface RecordsOptions {
  readonly primary: Primary;
  /** This process, as the outbox names it. */
  readonly node: string;
  readonly view: RecordView;
  readonly commits: OwnCommits;
  /** The most reads, and the most writes, that may wait for those under way. */
  readonly queueLimit: number;
}

/** Of somebody whose shard should be on this primary. */
interface Sought {
  readonly person: PersonId;
  readonly shard: number;
}

export interface Put extends Sought {
  /** The version to replace; 0: none yet. */
  readonly expected: number;
  readonly record: PresenceRecord;
}

/** A record as it is kept, null for none, and the newest commit that it is as new as. */
interface Found {
  readonly body: string | null;
  readonly seq: number;
}

/** What became of a put; `elsewhere`: the shard is on another primary, or on its way to one. */
export type Outcome = 'done' | 'stale' | 'elsewhere';

/** The records of one primary. Whatever is asked while a statement runs goes into the next. */
export class RecordsAt implements AsyncDisposable {
  readonly primary: Primary;
  readonly #options: RecordsOptions;
  readonly #reads: Batcher<Sought, Found | 'elsewhere'>;
  readonly #puts: Batcher<Put, Outcome>;

  constructor(options: RecordsOptions) {
    this.primary = options.primary;
    this.#options = options;
    const limit = options.queueLimit;
    this.#reads = new Batcher({ commit: (sought) => this.#readBatch(sought), limit });
    const put = (puts: readonly Put[]) => this.#putBatch(puts);
    this.#puts = new Batcher({
      commit: traced('store.commit', { 'db.system.name': 'postgresql' }, put),
      limit,
    });
  }

  /** Throws `overloaded` or `store_unavailable`. */
  async read(person: PersonId, shard: number): Promise<Held | 'elsewhere'> {
    const found = await this.#reads.add({ person, shard });
    if (found === 'elsewhere') return found;
    const { body, seq } = found;
    return { record: body === null ? null : decode(body), at: { primary: this.primary.id, seq } };
  }

  /** At most one of a person at a time. Throws `overloaded`, or `store_unavailable`: then it may be done or not. */
  put(put: Put): Promise<Outcome> {
    return this.#puts.add(put);
  }

  /** Those that time will still change after `now`. Throws `store_unavailable`. */
  async *unsettled(now: number): AsyncGenerator<readonly [PersonId, PresenceRecord]> {
    for (let after = ''; ;) {
      const rows = await this.primary.query<{ person: PersonId; record: string }>(
        `SELECT p.person, p.record FROM presence p JOIN shards_here h USING (shard)
         WHERE p.person > $1 AND p.settled_slot >= $2 ORDER BY p.person LIMIT ${PAGE}`,
        [after, slotOf(now)],
      );
      for (const row of rows) {
        const record = decode(row.record);
        if ((record.settledAt ?? 0) > now) yield [row.person, record];
      }
      const last = rows.at(-1);
      if (!last || rows.length < PAGE) return;
      after = last.person;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.#reads[Symbol.asyncDispose](), this.#puts[Symbol.asyncDispose]()]);
  }

  async #readBatch(sought: readonly Sought[]): Promise<(Found | 'elsewhere')[]> {
    const rows = await this.primary.query<{ place: number; body: string | null }>(
      'SELECT * FROM read_records($1, $2)',
      [sought.map(({ person }) => person), sought.map(({ shard }) => shard)],
    );
    const bodies = new Map(rows.map(({ place, body }) => [place, body]));
    const seq = Number(bodies.get(0) ?? 0);
    return sought.map((_, index) => {
      const body = bodies.get(index + 1);
      return body === null ? 'elsewhere' : { body: body ?? null, seq };
    });
  }

  async #putBatch(puts: readonly Put[]): Promise<readonly Outcome[]> {
    const { node, view, commits } = this.#options;
    const acknowledge = commits.begin(this.primary.id);
    let seq: number | null = null;
    try {
      const [answer] = await this.primary.query<PutAnswer>(
        'SELECT * FROM put_records($1, $2, $3, $4, $5, $6, $7)',
        [node, ...columnsOf(puts)],
      );
      if (!answer) throw new BridgeError('store_unavailable');
      const outcomes = outcomesOf(answer, puts.length);
      seq = answer.seq === null ? null : Number(answer.seq);
      this.#remember(puts, outcomes, seq ?? 0);
      return outcomes;
    } catch (error) {
      view.forget(puts.map(({ person }) => person));
      throw error;
    } finally {
      acknowledge(seq);
    }
  }

  #remember(puts: readonly Put[], outcomes: readonly Outcome[], seq: number): void {
    const { view } = this.#options;
    const at = { primary: this.primary.id, seq };
    puts.forEach(({ person, record }, index) => {
      if (outcomes[index] === 'done') view.committed(person, { record, at });
      // Whoever expected another version may have it from what is remembered.
      else view.forget([person]);
    });
  }
}

/** Which puts are done, and whose shard is elsewhere, by their places from 1. */
interface PutAnswer {
  readonly done: readonly number[];
  readonly elsewhere: readonly number[];
  readonly seq: string | null;
}

function outcomesOf({ done, elsewhere }: PutAnswer, count: number): Outcome[] {
  const outcomes = Array.from({ length: count }, (): Outcome => 'stale');
  for (const place of elsewhere) outcomes[place - 1] = 'elsewhere';
  for (const place of done) outcomes[place - 1] = 'done';
  return outcomes;
}

/** A record to be put, or forgotten (null), as the functions of the schema take it. */
export interface RecordRow extends Sought {
  readonly expected: number;
  readonly record: PresenceRecord | null;
}

/** People, shards, expected versions, versions, records and slots, each in an array. */
export function columnsOf(rows: readonly RecordRow[]): readonly unknown[][] {
  return [
    rows.map(({ person }) => person),
    rows.map(({ shard }) => shard),
    rows.map(({ expected }) => expected),
    rows.map(({ record }) => record?.version ?? null),
    rows.map(({ record }) => record && encodeRecord(record)),
    rows.map(({ record }) => (record?.settledAt == null ? null : slotOf(record.settledAt))),
  ];
}

/** One that is damaged is the trouble of whoever asks for it alone. */
function decode(body: string): PresenceRecord {
  try {
    return decodeRecord(body);
  } catch (cause) {
    throw new BridgeError('store_unavailable', '', { cause });
  }
}

/** What `settled_slot` has for an instant, ms since 1970. */
export function slotOf(ms: number): number {
  return Math.floor(ms / SLOT_MS);
}
