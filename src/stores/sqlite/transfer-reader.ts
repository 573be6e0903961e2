import { OWN_KEYS, refuseUnfinished, TRANSFER_KEY } from '../transfer/progress.ts';
import type { Page, TransferReader } from '../transfer/store.ts';
import type { Cursor, Row, TableName } from '../transfer/tables.ts';
import { INSERTION, TABLES } from '../transfer/tables.ts';
import type { Database, SqlValue } from './database.ts';
import { prepare } from './database.ts';

/** Rows read at a time. */
const PAGE = 5_000;

/** Reads a folder as a whole; `state` must hold all that the log does. */
export function transferReader(place: string, log: Database, state: Database): TransferReader {
  const holderOf = (table: TableName) => (table === 'presence' ? state : log);
  return {
    place,
    // eslint-disable-next-line @typescript-eslint/require-await -- the port is asynchronous
    count: async (table) => {
      const text = `SELECT count(*) AS rows FROM ${table} WHERE ${conditionOn(table)}`;
      return prepare<{ rows: number }>(holderOf(table), text).get()?.rows ?? 0;
    },
    pages: (table, after) => pagesOf(holderOf(table), table, after),
  };
}

/** Throws `StoreRefused` where a migration into the log's folder has not come to its end. `schema` is the file's as attached. */
export function refusePart(log: Database, place: string, schema = 'main'): void {
  const note = prepare<{ value: string }>(log, `SELECT value FROM ${schema}.meta WHERE key = ?`);
  refuseUnfinished(note.get(TRANSFER_KEY)?.value ?? null, place);
}

// eslint-disable-next-line @typescript-eslint/require-await -- the port is asynchronous
async function* pagesOf(db: Database, table: TableName, start: Cursor | null): AsyncGenerator<Page> {
  const { columns, order } = TABLES[table];
  const column = order === INSERTION ? 'rowid' : order;
  const read = prepare<Record<string, SqlValue> & { place: Cursor }>(
    db,
    `SELECT ${column} AS place, ${columns.join(', ')} FROM ${table}
     WHERE ${column} > ? AND ${conditionOn(table)} ORDER BY ${column} LIMIT ${PAGE}`,
  );
  for (let after = start ?? (order === INSERTION ? 0 : ''); ;) {
    const found = read.all(after);
    const last = found.at(-1);
    if (!last) return;
    const rows = found.map((row): Row => columns.map((name) => row[name] ?? null));
    yield { rows, last: last.place };
    after = last.place;
  }
}

function conditionOn(table: TableName): string {
  return table === 'meta' ? `substr(key, 1, ${OWN_KEYS.length}) <> '${OWN_KEYS}'` : 'true';
}
