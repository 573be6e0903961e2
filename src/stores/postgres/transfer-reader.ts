import type { Client } from 'pg';
import { OWN_KEYS } from '../transfer/progress.ts';
import type { Page, TransferReader } from '../transfer/store.ts';
import type { Cursor, Row, TableName } from '../transfer/tables.ts';
import { INSERTION, NUMBERS, TABLES } from '../transfer/tables.ts';

/** Rows read at a time. */
const PAGE = 5_000;

/** Records of the shards that are here, and not what a move has left. */
const HERE = 'presence JOIN shards_here USING (shard)';

/** Reads a store as a whole, home first, on sessions that have it to themselves. */
export function transferReader(
  place: string,
  [home, ...others]: readonly [Client, ...Client[]],
): TransferReader {
  const clients = [home, ...others];
  return {
    place,
    count: async (table) => {
      const counts = (table === 'presence' ? clients : [home]).map(async (client) => {
        const from = table === 'presence' ? HERE : table;
        const text = `SELECT count(*) AS rows FROM ${from} WHERE ${conditionOn(table)}`;
        return Number((await client.query<{ rows: string }>(text)).rows[0]?.rows);
      });
      return (await Promise.all(counts)).reduce((sum, rows) => sum + rows);
    },
    pages: (table, after) => {
      if (table === 'presence') return presencePages(clients, after);
      return TABLES[table].order === INSERTION ? streamed(home, table, after) : byKey(home, table, after);
    },
  };
}

/** By person over all primaries; each yields what comes before the end of the page that ends first. */
async function* presencePages(clients: readonly Client[], start: Cursor | null): AsyncGenerator<Page> {
  for (let after = start ?? ''; ;) {
    const pages = await Promise.all(
      clients.map((client) =>
        readPage(
          client,
          `SELECT person, record FROM ${HERE} WHERE person > $1 ORDER BY person LIMIT ${PAGE}`,
          after,
        ),
      ),
    );
    const ends = pages.flatMap((rows) => (rows.length === PAGE ? placeOf(rows.at(-1)) : []));
    const end = ends.toSorted(byText)[0];
    const rows = pages
      .flat()
      .filter((row) => end === undefined || placeOf(row) <= end)
      .sort((a, b) => byText(placeOf(a), placeOf(b)));
    const last = rows.at(-1);
    if (!last) return;
    yield { rows, last: placeOf(last) };
    if (end === undefined) return;
    after = end;
  }
}

async function* byKey(home: Client, table: TableName, start: Cursor | null): AsyncGenerator<Page> {
  const { columns, order } = TABLES[table];
  const place = (columns as readonly string[]).indexOf(order);
  const text = `SELECT ${columns.join(', ')} FROM ${table} WHERE ${order} > $1 AND ${conditionOn(table)}
                ORDER BY ${order} LIMIT ${PAGE}`;
  for (let after = start ?? ''; ;) {
    const rows = (await readPage(home, text, after)).map((row) => canonical(table, row));
    const last = rows.at(-1)?.[place];
    if (last == null) return;
    yield { rows, last };
    after = last;
  }
}

/** The order of insertion has no index: it is sorted once, and read by a cursor of the server. */
async function* streamed(home: Client, table: TableName, after: Cursor | null): AsyncGenerator<Page> {
  await home.query('BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY');
  try {
    await home.query(
      `DECLARE pages NO SCROLL CURSOR FOR
       SELECT ord, ${TABLES[table].columns.join(', ')} FROM ${table} WHERE ord > ${Number(after ?? 0)} ORDER BY ord`,
    );
    for (;;) {
      const found = await readPage(home, `FETCH ${PAGE} FROM pages`);
      const last = found.at(-1)?.[0];
      if (last == null) return;
      yield { rows: found.map(([, ...row]) => canonical(table, row)), last: Number(last) };
    }
  } finally {
    await home.query('ROLLBACK');
  }
}

async function readPage(client: Client, text: string, ...values: unknown[]): Promise<Row[]> {
  return (await client.query<(string | null)[]>({ text, values, rowMode: 'array' })).rows;
}

/** The driver gives bigint as text. */
function canonical(table: TableName, row: Row): Row {
  return row.map((value, index) => {
    return value !== null && NUMBERS.has(TABLES[table].columns[index] ?? '') ? Number(value) : value;
  });
}

function conditionOn(table: TableName): string {
  return table === 'meta' ? `NOT starts_with(key, '${OWN_KEYS}')` : 'true';
}

function placeOf(row: Row | undefined): string {
  return String(row?.[0]);
}

/** As the server orders ids of people, which are plain. */
function byText(a: string, b: string): number {
  return a < b ? -1 : 1;
}
