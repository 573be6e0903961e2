import type { Client } from 'pg';
import type { PersonId } from '../../presence/identity.ts';
import { StoreRefused } from '../refused.ts';
import type { Progress, SourceMark } from '../transfer/progress.ts';
import { continueFrom, noteOf, progressOf, TRANSFER_KEY } from '../transfer/progress.ts';
import type { Page, TransferReader, TransferTarget } from '../transfer/store.ts';
import type { Row, TableName } from '../transfer/tables.ts';
import { NUMBERS, TABLE_NAMES, TABLES } from '../transfer/tables.ts';
import type { Primary } from './primary.ts';
import type { RecordColumns } from './record-columns.ts';
import { putRecords, recordColumns } from './record-columns.ts';
import type { Sessions } from './sessions.ts';
import { placesOf } from './shard-places.ts';
import { noteAt } from './transfer-source.ts';
import { transferReader } from './transfer-reader.ts';

/** A new store to copy into, or one of an earlier attempt, on sessions that have it to themselves; home first. Throws `StoreRefused`. */
export async function postgresTarget(
  primaries: readonly [Primary, ...Primary[]],
  sessions: Sessions,
  source: SourceMark,
): Promise<TransferTarget> {
  const [home, ...others] = primaries;
  const note = await noteAt(sessions, home);
  if (note === null) {
    for (const primary of primaries) await refuseFilled(sessions.at(primary), primary.place);
  }
  const progress = continueFrom(note === null ? null : progressOf(note), source, home.place);
  if (note === null) await begin(sessions.at(home), progress);
  const clients = [sessions.at(home), ...others.map((primary) => sessions.at(primary))] as const;
  const places = await placesOf(primaries, sessions);
  const byShard = new Map(places.map(({ shard, primary }) => [shard, sessions.at(primary)]));
  return new PostgresTarget(transferReader(home.place, clients), clients[0], byShard, progress);
}

async function refuseFilled(client: Client, place: string): Promise<void> {
  const questions = TABLE_NAMES.map((table) => `EXISTS (SELECT FROM ${table})`);
  const { rows } = await client.query<{ filled: boolean }>(`SELECT ${questions.join(' OR ')} AS filled`);
  if (rows[0]?.filled !== true) return;
  throw new StoreRefused(place, 'it is not empty', 'Name a database that is');
}

async function begin(home: Client, progress: Progress): Promise<void> {
  await home.query('INSERT INTO meta VALUES ($1, $2)', [TRANSFER_KEY, noteOf(progress)]);
}

class PostgresTarget implements TransferTarget {
  readonly place: string;
  readonly count: TransferReader['count'];
  readonly pages: TransferReader['pages'];
  readonly #home: Client;
  readonly #byShard: ReadonlyMap<number, Client>;
  #progress: Progress;

  constructor(
    { place, count, pages }: TransferReader,
    home: Client,
    byShard: ReadonlyMap<number, Client>,
    progress: Progress,
  ) {
    this.place = place;
    this.count = count;
    this.pages = pages;
    this.#home = home;
    this.#byShard = byShard;
    this.#progress = progress;
  }

  get progress(): Progress {
    return this.#progress;
  }

  async add(table: TableName, { rows, last }: Page): Promise<void> {
    const progress = { ...this.#progress, done: { ...this.#progress.done, [table]: last } };
    // Records are on other servers, too: if it ends between the two, they are put once more.
    if (table === 'presence') await this.#putRecords(rows);
    const { text, values } = table === 'presence' ? { text: '', values: [] } : insertion(table, rows);
    await this.#home.query(`${text} UPDATE meta SET value = $1 WHERE key = '${TRANSFER_KEY}'`, [
      noteOf(progress),
      ...values,
    ]);
    this.#progress = progress;
  }

  async finish(): Promise<void> {
    await this.#home.query('DELETE FROM meta WHERE key = $1', [TRANSFER_KEY]);
  }

  async #putRecords(rows: readonly Row[]): Promise<void> {
    const parts = new Map<Client, RecordColumns[]>();
    for (const row of rows) {
      const columns = recordColumns(String(row[0]) as PersonId, String(row[1]));
      const client = this.#byShard.get(columns.shard);
      if (!client) throw new Error(`shard ${columns.shard} is nowhere`);
      const part = parts.get(client);
      if (part) part.push(columns);
      else parts.set(client, [columns]);
    }
    await Promise.all([...parts].map(([client, part]) => putRecords(client, part)));
  }
}

/** The first half of a statement that ends with the note, as `$1`. */
function insertion(table: TableName, rows: readonly Row[]): { text: string; values: unknown[] } {
  const { columns } = TABLES[table];
  const arrays = columns.map((name, index) => `$${index + 2}::${NUMBERS.has(name) ? 'bigint' : 'text'}[]`);
  return {
    text: `WITH added AS (
        INSERT INTO ${table} (${columns.join(', ')})
        SELECT ${columns.join(', ')} FROM unnest(${arrays.join(', ')}) WITH ORDINALITY AS u (${columns.join(', ')}, place)
        ORDER BY place
      )`,
    values: columns.map((_, index) => rows.map((row) => row[index])),
  };
}
