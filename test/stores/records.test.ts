import { DatabaseSync } from '@photostructure/sqlite';
import { expect, test } from 'vitest';
import { encodeRecord } from '../../src/stores/record-codec.ts';
import { Records } from '../../src/stores/sqlite/records.ts';
import { personId, recordOf } from '../contract/records.ts';

const [ALICE, BOB] = [personId('alice'), personId('bob')];

/** Records over a state that holds version 1 of Alice. */
function setup(cacheSize = 10) {
  const state = new DatabaseSync(':memory:');
  state.exec('CREATE TABLE presence (person TEXT PRIMARY KEY, record TEXT)');
  const put = (person: string, record: string) =>
    state.prepare('INSERT OR REPLACE INTO presence VALUES (?, ?)').run(person, record);
  put(ALICE, encodeRecord(recordOf(1)));
  return { records: new Records(state, cacheSize), put, state };
}

test('what the log holds comes before the state', () => {
  const { records } = setup();
  expect(records.get(ALICE)).toEqual(recordOf(1));
  records.set(ALICE, recordOf(2));
  expect(records.get(ALICE)).toEqual(recordOf(2));
  records.set(ALICE, null);
  expect(records.get(ALICE)).toBeNull();
});

test('during a fold both the folding and the newer changes are seen, the newest first', () => {
  const { records } = setup();
  records.set(ALICE, recordOf(2));
  records.set(BOB, recordOf(1));
  records.beginFold();
  expect(records.dirty).toBe(0);
  expect([records.get(ALICE), records.get(BOB)]).toEqual([recordOf(2), recordOf(1)]);
  records.set(ALICE, null);
  records.set(BOB, recordOf(2));
  expect([records.get(ALICE), records.get(BOB)]).toEqual([null, recordOf(2)]);
  expect(records.dirty).toBe(2);
});

test('a failed fold keeps everything, and the newest of each', () => {
  const { records } = setup(1);
  records.set(ALICE, recordOf(2));
  records.set(BOB, recordOf(1));
  records.beginFold();
  records.set(ALICE, recordOf(3));
  records.endFold(false);
  expect(records.dirty).toBe(2);
  expect([records.get(ALICE), records.get(BOB)]).toEqual([recordOf(3), recordOf(1)]);
});

test('after a fold the state answers for what it holds, and changes made meanwhile stay', () => {
  const { records, put } = setup(1);
  records.set(ALICE, recordOf(2));
  records.set(BOB, recordOf(1));
  records.beginFold();
  records.set(BOB, recordOf(2));
  put(ALICE, encodeRecord(recordOf(2)));
  put(BOB, encodeRecord(recordOf(1)));
  records.endFold(true);
  expect([records.get(ALICE), records.get(BOB)]).toEqual([recordOf(2), recordOf(2)]);
});

test('a remembered record is never older than the last change', () => {
  const { records, put } = setup();
  records.get(ALICE);
  records.set(ALICE, recordOf(2));
  records.beginFold();
  put(ALICE, encodeRecord(recordOf(2)));
  records.endFold(true);
  expect(records.get(ALICE)).toEqual(recordOf(2));
});

test('a record that cannot be read is the trouble of the store', () => {
  const { records, put } = setup();
  put(BOB, '[1');
  expect(() => records.get(BOB)).toThrow(expect.objectContaining({ code: 'store_unavailable' }));
});
