import { workerData } from 'node:worker_threads';
import type { PersonId } from '../../presence/identity.ts';
import { checkpoint, openReader, openWriter, prepare, transaction } from './database.ts';
import { decodeBody } from './log-body.ts';
import { answerCalls } from './worker-calls.ts';

export interface FoldFiles {
  readonly log: string;
  readonly state: string;
  /** Records written in one transaction. */
  readonly chunk: number;
}

/** Folds the rows up to this one. */
export type FoldRequest = number;

const files = workerData as FoldFiles;
const log = openReader(files.log);
const state = openWriter(files.state);

const progress = prepare<{ folded: number }>(state, 'SELECT folded FROM progress');
const rows = prepare<{ body: string }>(log, 'SELECT body FROM log WHERE seq > ? AND seq <= ? ORDER BY seq');
const put = prepare(
  state,
  'INSERT INTO presence VALUES (?, ?) ON CONFLICT (person) DO UPDATE SET record = excluded.record',
);
const drop = prepare(state, 'DELETE FROM presence WHERE person = ?');
const begin = prepare(state, 'UPDATE progress SET folding = ?');
const end = prepare(state, 'UPDATE progress SET folded = ?');

answerCalls(
  (request) => fold(request as FoldRequest),
  () => {
    checkpoint(state);
    state.close();
    log.close();
  },
);

function fold(upTo: number): void {
  const records = newestRecords(upTo);
  for (let done = 0; done < records.length; done += files.chunk) {
    transaction(state, () => {
      // From the first chunk on the state may be ahead of `folded`; whoever copies it must know.
      begin.run(upTo);
      for (const [person, record] of records.slice(done, done + files.chunk)) {
        if (record === null) drop.run(person);
        else put.run(person, record);
      }
      if (done + files.chunk >= records.length) end.run(upTo);
    });
  }
}

/** The last record of each person in the rows not yet folded, in the order of the table. */
function newestRecords(upTo: number): [PersonId, string | null][] {
  const newest = new Map<PersonId, string | null>();
  for (const { body } of rows.iterate(progress.get()?.folded ?? 0, upTo)) {
    for (const [person, record] of decodeBody(body)) newest.set(person, record);
  }
  return [...newest].sort(([a], [b]) => (a < b ? -1 : 1));
}
