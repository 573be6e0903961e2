import { beforeEach, describe, expect, it } from 'vitest';
import { BusyNotes } from '../../../src/connectors/matrix/busy-notes.ts';
import type { DirectoryChange } from '../../../src/presence/directory.ts';
import { MemoryStore } from '../../../src/stores/memory/memory-store.ts';
import { deferred } from './receiving.ts';
import { standInOf } from './world.ts';

const ids = Array.from({ length: 200 }, (_, index) => standInOf(String(index)));

let store: MemoryStore;
let commits: DirectoryChange[];
let gate: Promise<void>;
let notes: BusyNotes;

beforeEach(() => {
  store = new MemoryStore();
  commits = [];
  gate = Promise.resolve();
  notes = begin();
});

function begin(): BusyNotes {
  return new BusyNotes({
    meta: (key) => store.meta(key),
    commit: async (changes) => {
      await gate;
      commits.push(...changes);
      await store.commit(changes);
    },
  });
}

describe('notes', () => {
  it('outlive the process', async () => {
    expect(await notes.all()).toEqual([]);
    for (const id of ids) await notes.add(id);
    for (const id of ids.slice(1)) await notes.remove(id);
    expect(await begin().all()).toEqual(ids.slice(0, 1));
  });

  it('are written once, and where nothing changes not at all', async () => {
    await notes.add('@a:hs');
    await notes.add('@a:hs');
    await notes.remove('@b:hs');
    await begin().add('@a:hs');
    await begin().remove('@b:hs');
    expect(commits).toHaveLength(1);
  });

  it('are spread, so that a change writes few of them', async () => {
    for (const id of ids) await notes.add(id);
    const longest = Math.max(...commits.map((change) => JSON.stringify(change).length));
    expect(longest).toBeLessThan(JSON.stringify(ids).length / 10);
  });

  it('that come while others of the same row are written are written together, and resolve once durable', async () => {
    const { promise, resolve } = deferred();
    gate = promise;
    const done: string[] = [];
    const first = notes.add(ids[0]!).then(() => done.push('in'));
    const changes = [notes.remove(ids[0]!), notes.add(ids[0]!), notes.remove(ids[0]!)];
    await new Promise((turn) => setImmediate(turn));
    expect(done).toEqual([]);
    resolve();
    await Promise.all([first, ...changes]);
    expect(commits.length).toBeLessThanOrEqual(2);
    expect(await begin().all()).toEqual([]);
  });

  it('that the store refused are not taken for kept', async () => {
    gate = Promise.reject(new Error('disk'));
    await expect(notes.add('@a:hs')).rejects.toThrow('disk');
    gate = Promise.resolve();
    await notes.add('@a:hs');
    expect(await begin().all()).toEqual(['@a:hs']);
  });

  it('that were refused just after others were kept are not taken for kept with them', async () => {
    const { promise, resolve } = deferred();
    gate = promise;
    const added = notes.add('@a:hs');
    await new Promise((turn) => setImmediate(turn));
    const removed = notes.remove('@a:hs');
    gate = Promise.reject(new Error('disk'));
    resolve();
    await added;
    await expect(removed).rejects.toThrow('disk');
    gate = Promise.resolve();
    await notes.remove('@a:hs');
    expect(await begin().all()).toEqual([]);
  });

  it('that could not be read are read again', async () => {
    const meta = store.meta.bind(store);
    store.meta = () => Promise.reject(new Error('disk'));
    await expect(notes.add('@a:hs')).rejects.toThrow('disk');
    store.meta = meta;
    await notes.add('@a:hs');
    expect(await begin().all()).toEqual(['@a:hs']);
  });
});
