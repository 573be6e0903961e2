import { workerData } from 'node:worker_threads';
import { checkpoint, openWriter, prepare, transaction } from './database.ts';
import type { RowChange } from './directory-writer.ts';
import { directoryWriter } from './directory-writer.ts';
import { answerCalls } from './worker-calls.ts';

/** One group commit. */
export interface LogBatch {
  /** The number of the row that the batch becomes, unless it changes no record. */
  readonly seq: number;
  /** Rows before this one have been folded and may go. */
  readonly folded: number;
  /** The changes that stand alone, as a log body. */
  readonly body: string;
  /** Each stands or falls by itself: its rows, and the log body that belongs to them. */
  readonly commits: readonly { readonly rows: readonly RowChange[]; readonly body: string }[];
}

/** For each of the batch's commits why it was refused, or null. */
export type LogReply = readonly (string | null)[];

/** Folded rows removed in one batch: faster than rows come, and too few to be felt. */
const TRIMMED_AT_ONCE = 64;
const CONSTRAINT = 19;

const db = openWriter(workerData as string);
const insert = prepare(db, 'INSERT INTO log VALUES (?, ?)');
// The newest row always stays: it tells how far the log has come.
const trim = prepare(
  db,
  `DELETE FROM log WHERE seq IN (SELECT seq FROM log WHERE seq < ? ORDER BY seq LIMIT ${TRIMMED_AT_ONCE})`,
);
const write = directoryWriter(db);

answerCalls(
  (request) => transaction(db, () => writeBatch(request as LogBatch)),
  () => {
    checkpoint(db);
    db.close();
  },
);

function writeBatch({ seq, folded, body, commits }: LogBatch): LogReply {
  const refusals = commits.map(({ rows }) => refusalOf(rows));
  const accepted = commits.filter((_, index) => refusals[index] === null);
  const whole = [body, ...accepted.map((commit) => commit.body)].join('');
  if (whole !== '') insert.run(seq, whole);
  trim.run(folded);
  return refusals;
}

/** Writes the rows of one commit; when they break a rule of the tables, none of them and why. */
function refusalOf(rows: readonly RowChange[]): string | null {
  db.exec('SAVEPOINT one_commit');
  try {
    for (const row of rows) write(row);
    return null;
  } catch (error) {
    if (!isConstraint(error)) throw error;
    db.exec('ROLLBACK TO one_commit');
    return 'A person has at most one address of a kind on a network';
  } finally {
    if (db.isTransaction) db.exec('RELEASE one_commit');
  }
}

function isConstraint(error: unknown): boolean {
  if (!(error instanceof Error) || !('errcode' in error)) return false;
  return typeof error.errcode === 'number' && (error.errcode & 0xff) === CONSTRAINT;
}
