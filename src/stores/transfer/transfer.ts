import { StoreRefused } from '../refused.ts';
import { Checksum } from './checksum.ts';
import type { TransferReader, TransferSource, TransferTarget } from './store.ts';
import type { TableName } from './tables.ts';
import { INSERTION, TABLE_NAMES, TABLES } from './tables.ts';

/** Told how a transfer goes on; rows of all tables together. */
export interface TransferWatcher {
  /** `done` of them were there already. */
  copying(total: number, done: number): void;
  /** Both stores will be read again; waited for. */
  verifying(total: number): void | Promise<void>;
  progressed(rows: number): void;
}

export interface TableReport {
  readonly table: TableName;
  readonly rows: number;
  /** The same for both stores. */
  readonly checksum: string;
}

/**
 * Copies a store, from where an earlier attempt came to, and makes sure that both hold the same before the target may be
 * served from. Throws `StoreRefused` when they do not.
 */
export async function transfer(
  source: TransferSource,
  target: TransferTarget,
  watcher: TransferWatcher,
): Promise<TableReport[]> {
  const total = await countAll(source);
  watcher.copying(total, await countAll(target));
  for (const table of TABLE_NAMES) {
    for await (const page of source.pages(table, target.progress.done[table] ?? null)) {
      await target.add(table, page);
      watcher.progressed(page.rows.length);
    }
  }
  await watcher.verifying(2 * total);
  const reports: TableReport[] = [];
  for (const table of TABLE_NAMES) reports.push(await verify(table, source, target, watcher));
  await target.finish();
  return reports;
}

async function countAll(store: TransferReader): Promise<number> {
  let total = 0;
  for (const table of TABLE_NAMES) total += await store.count(table);
  return total;
}

async function verify(
  table: TableName,
  source: TransferReader,
  target: TransferReader,
  watcher: TransferWatcher,
): Promise<TableReport> {
  const [expected, found] = await Promise.all([
    checksumOf(table, source, watcher),
    checksumOf(table, target, watcher),
  ]);
  if (expected.rows === found.rows && expected.text === found.text) {
    return { table, rows: found.rows, checksum: found.text };
  }
  const problem = `${table} is not as in ${source.place} (${found.rows} rows; there ${expected.rows})`;
  throw new StoreRefused(target.place, problem, 'Empty it and begin anew');
}

/** Where the order of insertion means something, a row counts with its place in it. */
async function checksumOf(
  table: TableName,
  store: TransferReader,
  watcher: TransferWatcher,
): Promise<Checksum> {
  const sum = new Checksum();
  const isOrdered = TABLES[table].order === INSERTION;
  for await (const { rows } of store.pages(table, null)) {
    for (const row of rows) sum.add(isOrdered ? [...row, sum.rows] : row);
    watcher.progressed(rows.length);
  }
  return sum;
}
