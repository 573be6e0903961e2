import { describe, expect, test } from 'vitest';
import type { PresenceStore } from '../../src/presence/store.ts';
import { FULL_RECORD, personId, recordOf } from './records.ts';

export interface Subject<Store> {
  readonly store: Store;
  /** The store once whatever it does later, such as folding or starting again, has been done. */
  readonly settled: () => Promise<Store>;
}

const ALICE = personId('alice');
const BOB = personId('bob');

/** What every `PresenceStore` must do. `open` gives an empty one, and sees to its end. */
export function presenceStoreContract(name: string, open: () => Promise<Subject<PresenceStore>>): void {
  describe(`presence store: ${name}`, () => {
    test('nobody has a record at first', async () => {
      const { store } = await open();
      expect(await store.get(ALICE)).toBeNull();
    });

    test('keeps every facet of a record', async () => {
      const { store, settled } = await open();
      expect(await store.compareAndSet(ALICE, 0, FULL_RECORD)).toBe(true);
      expect(await store.get(ALICE)).toEqual(FULL_RECORD);
      expect(await (await settled()).get(ALICE)).toEqual(FULL_RECORD);
    });

    test('replaces only the version it was told, and changes nothing else', async () => {
      const { store, settled } = await open();
      await store.compareAndSet(ALICE, 0, recordOf(1));
      await store.compareAndSet(BOB, 0, recordOf(1));
      expect(await store.compareAndSet(ALICE, 0, recordOf(7))).toBe(false);
      expect(await store.compareAndSet(ALICE, 2, recordOf(7))).toBe(false);
      expect(await store.compareAndSet(personId('carol'), 1, recordOf(2))).toBe(false);
      expect(await store.compareAndSet(ALICE, 1, recordOf(2))).toBe(true);
      const after = await settled();
      expect(await after.get(ALICE)).toEqual(recordOf(2));
      expect(await after.get(BOB)).toEqual(recordOf(1));
      expect(await after.get(personId('carol'))).toBeNull();
      expect(await after.compareAndSet(ALICE, 1, recordOf(7))).toBe(false);
      expect(await after.compareAndSet(ALICE, 2, recordOf(3))).toBe(true);
    });

    test('of writers that saw the same version one wins', async () => {
      const { store, settled } = await open();
      const marks = Array.from({ length: 64 }, (_, mark) => recordOf(1, { lastActivity: mark }));
      const won = await Promise.all(marks.map((record) => store.compareAndSet(ALICE, 0, record)));
      expect(won.filter(Boolean)).toHaveLength(1);
      expect(await (await settled()).get(ALICE)).toEqual(marks[won.indexOf(true)]);
    });

    test('64 writers to one person leave no gap and no repeat', async () => {
      const { store, settled } = await open();
      const won: number[] = [];
      async function write(): Promise<void> {
        for (;;) {
          const next = ((await store.get(ALICE))?.version ?? 0) + 1;
          if (!(await store.compareAndSet(ALICE, next - 1, recordOf(next)))) continue;
          won.push(next);
          expect((await store.get(ALICE))?.version).toBeGreaterThanOrEqual(next);
          return;
        }
      }
      await Promise.all(Array.from({ length: 64 }, write));
      // Answers may overtake each other on their way back.
      expect(won.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 64 }, (_, index) => index + 1));
      expect(await (await settled()).get(ALICE)).toEqual(recordOf(64));
    });

    test('one person becomes visible in version order, also to who looks all the time', async () => {
      const { store } = await open();
      const seen: number[] = [];
      let writing = true;
      async function watch(): Promise<void> {
        while (writing) {
          seen.push((await store.get(ALICE))?.version ?? 0);
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
      const watcher = watch();
      for (let version = 1; version <= 20; version++) {
        await store.compareAndSet(ALICE, version - 1, recordOf(version));
        expect((await store.get(ALICE))?.version).toBe(version);
      }
      writing = false;
      await watcher;
      expect(seen).toEqual(seen.toSorted((a, b) => a - b));
    });

    test('keeps people apart when many write at once', async () => {
      const { store, settled } = await open();
      const people = Array.from({ length: 500 }, (_, index) => personId(`person-${index}`));
      const record = (index: number) => recordOf(1, { lastActivity: index });
      await Promise.all(people.map((person, index) => store.compareAndSet(person, 0, record(index))));
      const after = await settled();
      const kept = await Promise.all(people.map((person) => after.get(person)));
      expect(kept).toEqual(people.map((_, index) => record(index)));
    });

    test('finds again those that time will still change, as they are now', async () => {
      const { store, settled } = await open();
      await store.compareAndSet(ALICE, 0, recordOf(1, { settledAt: 1000 }));
      await store.compareAndSet(ALICE, 1, recordOf(2, { settledAt: 3000 }));
      await store.compareAndSet(BOB, 0, recordOf(1, { settledAt: 2000 }));
      await store.compareAndSet(personId('carol'), 0, recordOf(1, { settledAt: 5000 }));
      await store.compareAndSet(personId('carol'), 1, recordOf(2, { settledAt: null }));
      for (const reopen of [() => store, settled]) {
        const each = await reopen();
        expect(await unsettled(each, 1999)).toEqual({ alice: 2, bob: 1 });
        expect(await unsettled(each, 2000)).toEqual({ alice: 2 });
        expect(await unsettled(each, 3000)).toEqual({});
      }
    });
  });
}

/** The versions of the records that time will still change, by person. */
async function unsettled(store: PresenceStore, now: number): Promise<Record<string, number>> {
  const found: Record<string, number> = {};
  for await (const [person, { version }] of store.unsettled(now)) found[person] = version;
  return found;
}
