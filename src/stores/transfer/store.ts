import type { Progress, SourceMark } from './progress.ts';
import type { Cursor, Row, TableName } from './tables.ts';

export interface Page {
  /** At least one. */
  readonly rows: readonly Row[];
  /** Where the last of them is. */
  readonly last: Cursor;
}

/** A store that is read as a whole while nobody serves from it. */
export interface TransferReader {
  /** Names it to an operator, without secrets. */
  readonly place: string;
  readonly count: (table: TableName) => Promise<number>;
  /** All rows behind the cursor (null: from the first) in the order of the table, without what stores note for themselves. */
  readonly pages: (table: TableName, after: Cursor | null) => AsyncIterable<Page>;
}

export interface TransferSource extends TransferReader {
  readonly mark: SourceMark;
}

/** A store that was empty, and is refused to whoever would serve from it until `finish`. */
export interface TransferTarget extends TransferReader {
  /** What an earlier attempt has done. */
  readonly progress: Progress;
  /**
   * Adds a page, durable with the place that it was read from. Once more after a crash it does no harm: rows and
   * place of the directory are one commit, and records replace each other.
   */
  add(table: TableName, page: Page): Promise<void>;
  /** From here on it may be served from. */
  finish(): Promise<void>;
}
