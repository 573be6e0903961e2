import { expect, test } from 'vitest';
import { DatabaseSync } from '@photostructure/sqlite';
import { Folding } from '../../src/stores/sqlite/folding.ts';
import { Records } from '../../src/stores/sqlite/records.ts';
import { personId, recordOf } from '../contract/records.ts';
import { testLogger } from './data-folder.ts';

/** Folding with a worker that only notes what it was asked, and fails on demand. */
function setup(foldPeople: number) {
  const state = new DatabaseSync(':memory:');
  state.exec('CREATE TABLE presence (person TEXT PRIMARY KEY, record TEXT)');
  const records = new Records(state, 10);
  const worker = { asked: [] as number[], broken: false, closed: false };
  const logger = testLogger();
  const folding = new Folding({
    records,
    logger,
    limits: { foldPeople, foldEveryMs: 86_400_000 },
    seq: 10,
    folded: 10,
    startWorker: () =>
      Promise.resolve({
        call: (upTo: number) => {
          worker.asked.push(upTo);
          return worker.broken ? Promise.reject(new Error('no room')) : Promise.resolve();
        },
        [Symbol.asyncDispose]: () => {
          worker.closed = true;
          return Promise.resolve();
        },
      }),
  });
  function commit(seq: number): void {
    records.set(personId(`person-${seq}`), recordOf(seq));
    folding.committed(seq);
  }
  return { folding, records, worker, logger, commit };
}

test('folds by itself once enough people have changed', async () => {
  const { folding, records, worker, commit } = setup(3);
  commit(11);
  commit(12);
  await folding.fold().then(() => expect(worker.asked).toEqual([12]));
  for (const seq of [13, 14]) commit(seq);
  expect(records.dirty).toBe(2);
  commit(15);
  await new Promise((resolve) => setImmediate(resolve));
  expect(worker.asked).toEqual([12, 15]);
  expect([records.dirty, folding.folded, folding.seq]).toEqual([0, 15, 15]);
});

test('has nothing to do without changes', async () => {
  const { folding, worker } = setup(3);
  await folding.fold();
  expect(worker.asked).toEqual([]);
});

test('a failure is logged, keeps everything, and is not repeated at every commit', async () => {
  const { folding, records, worker, logger, commit } = setup(2);
  worker.broken = true;
  commit(11);
  await folding.fold();
  expect(logger.lines).toEqual([expect.stringContaining('no room')]);
  expect([records.dirty, folding.folded]).toEqual([1, 10]);
  commit(12);
  await new Promise((resolve) => setImmediate(resolve));
  expect(worker.asked).toEqual([11]);
  worker.broken = false;
  commit(13);
  await new Promise((resolve) => setImmediate(resolve));
  expect(worker.asked).toEqual([11, 13]);
  expect([records.dirty, folding.folded]).toEqual([0, 13]);
});

test('closing folds the rest and ends the worker', async () => {
  const { folding, worker, commit } = setup(100);
  commit(11);
  await folding[Symbol.asyncDispose]();
  expect(worker).toMatchObject({ asked: [11], closed: true });
});
