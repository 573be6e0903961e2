import type { Client, QueryResultRow } from 'pg';
import type { PersonId } from '../../presence/identity.ts';
import type { DirectoryRow } from './directory-rows.ts';
import type { Primary } from './primary.ts';
import { CHANNEL } from './schema.ts';

/** A row of the outbox, told from any other that may have the same number in another life of the database. */
export interface Position {
  readonly seq: number;
  /** Microseconds since 1970, as text. */
  readonly at: string;
  readonly node: string;
}

/** One commit. */
export interface OutboxRow extends Position {
  readonly people: readonly PersonId[];
  /** Of each of them, as it is kept; null where it is forgotten. */
  readonly records: readonly (string | null)[];
  readonly rows: readonly DirectoryRow[] | null;
  /** From append to read by the clock of the database, s. */
  readonly delay: number;
}

/**
 * What came after a position; `lost` where its own row is gone, so that others may be, too. Then `rewound` tells that the
 * database is an older copy of itself, as far as can be told.
 */
export type Batch =
  | { readonly kind: 'rows'; readonly rows: readonly OutboxRow[]; readonly isLast: boolean }
  | { readonly kind: 'lost'; readonly rewound: boolean };

/** What a connection tells by itself. */
export interface ReaderEvents {
  /** There may be more to read; `payload` as it was sent. */
  readonly notified: (payload: string) => void;
  readonly broken: () => void;
}

interface Life extends QueryResultRow {
  readonly life: string;
  readonly forgetful: boolean;
}

interface Row extends QueryResultRow {
  readonly seq: string;
  readonly at: string;
  readonly node: string;
  readonly people: PersonId[] | null;
  readonly records: (string | null)[] | null;
  readonly rows: DirectoryRow[] | null;
  readonly delay: number;
}

const COLUMNS = `seq, (extract(epoch FROM at) * 1000000)::bigint::text AS at, node`;

/** A connection of its own that hears when the outbox of a primary grows, and reads it. */
export class OutboxReader implements AsyncDisposable {
  /** Another one where the database may not have all that it has once shown: its history went another way. */
  readonly life: string;
  /** Whether it shows what a crash may make it forget, so that each lost connection may have been one. */
  readonly forgetful: boolean;
  readonly #client: Client;

  private constructor(client: Client, { life, forgetful }: Life) {
    this.#client = client;
    this.life = life;
    this.forgetful = forgetful;
  }

  /** Errors as in `Primary`. */
  static async open(primary: Primary, events: ReaderEvents): Promise<OutboxReader> {
    const client = await primary.connect();
    client.on('error', events.broken);
    client.on('end', events.broken);
    client.on('notification', ({ payload }) => events.notified(payload ?? ''));
    try {
      const { rows } = await client.query<Life>(
        // A restored backup goes on in a timeline of its own, a restored dump in tables of its own.
        `SELECT concat_ws(' ', system_identifier, left(pg_walfile_name(pg_current_wal_lsn()), 8), d.oid,
             'outbox'::regclass::oid) AS life,
           current_setting('synchronous_commit') = 'off' AS forgetful
         FROM pg_control_system(), pg_database d WHERE d.datname = current_database()`,
      );
      await client.query(`LISTEN ${CHANNEL}`);
      if (!rows[0]) throw new Error('the server does not tell its identity');
      return new OutboxReader(client, rows[0]);
    } catch (error) {
      client.off('end', events.broken);
      await client.end();
      throw error;
    }
  }

  /** Appends a row that tells nothing, and answers its position: the newest there is. Throws what the driver throws. */
  async mark(node: string): Promise<Position> {
    const text = `SELECT seq, (extract(epoch FROM at) * 1000000)::bigint::text AS at FROM mark_outbox($1)`;
    const { rows } = await this.#client.query<{ seq: string; at: string }>(text, [node]);
    if (!rows[0]) throw new Error('the outbox took no mark');
    return { seq: Number(rows[0].seq), at: rows[0].at, node };
  }

  /** Up to `limit` rows after the position, oldest first. Throws what the driver throws. */
  async read(position: Position, limit: number): Promise<Batch> {
    const { rows } = await this.#client.query<Row>(
      // The row at the position is read again to see that it is still the same; not all that it tells.
      `SELECT ${COLUMNS}, extract(epoch FROM clock_timestamp() - at)::float8 AS delay,
         CASE WHEN seq > $1 THEN people END AS people, CASE WHEN seq > $1 THEN records END AS records,
         CASE WHEN seq > $1 THEN rows END AS rows
       FROM outbox WHERE seq >= $1 ORDER BY seq LIMIT $2`,
      [position.seq, limit + 1],
    );
    const [first, ...rest] = rows.map(rowOf);
    if (!first || !isSame(first, position))
      return { kind: 'lost', rewound: await this.#wasRewound(position) };
    return { kind: 'rows', rows: rest, isLast: rest.length < limit };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.removeAllListeners('end');
    this.#client.removeAllListeners('notification');
    await this.#client.end().catch(() => undefined);
  }

  /** Retention takes the oldest rows first, and never gives a number back. */
  async #wasRewound({ seq }: Position): Promise<boolean> {
    const { rows } = await this.#client.query<{ rewound: boolean }>(
      `SELECT EXISTS (SELECT FROM outbox WHERE seq <= $1) OR last_value < $1 AS rewound FROM outbox_seq`,
      [seq],
    );
    return rows[0]?.rewound === true;
  }
}

function rowOf({ seq, people, records, ...rest }: Row): OutboxRow {
  return { ...rest, seq: Number(seq), people: people ?? [], records: records ?? [] };
}

function isSame(one: Position, other: Position): boolean {
  return one.seq === other.seq && one.at === other.at && one.node === other.node;
}
