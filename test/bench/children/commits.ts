/* The store without HTTP, and the disk without the store. */
import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { DatabaseSync } from '@photostructure/sqlite';
import type { PresenceRecord } from '../../../src/presence/record.ts';
import type * as OpenStore from '../../../src/stores/sqlite/open-store.ts';
import { silentLogger } from '../../helpers/logger.ts';
import { built } from '../built.ts';
import { personOf } from '../world.ts';
import { serveCommands } from './commands.ts';

const PAGE = Buffer.alloc(4096, 1);

/** How often a second the disk takes a page for good. */
function disk({ folder, ms }: { folder: string; ms: number }): number {
  const file = openSync(`${folder}/pages`, 'a');
  const began = performance.now();
  let syncs = 0;
  for (; performance.now() < began + ms; syncs++) {
    writeSync(file, PAGE);
    fdatasyncSync(file);
  }
  const rate = syncs / ((performance.now() - began) / 1000);
  closeSync(file);
  return rate;
}

let store: Awaited<ReturnType<typeof OpenStore.openSqliteStore>> | null = null;

interface Writing {
  readonly folder: string;
  readonly writers: number;
  readonly people: number;
  readonly ms: number;
}

/** Writers that each wait for their own write: how many commits and writes a second. */
async function commits({ folder, writers, people, ms }: Writing) {
  const { openSqliteStore } = await built<typeof OpenStore>('stores/sqlite/open-store.js');
  const open = (store ??= await openSqliteStore({ path: folder, logger: silentLogger }));
  const before = lastRow(folder);
  const began = performance.now();
  let writes = 0;
  const write = async (first: number): Promise<void> => {
    for (let n = first; performance.now() < began + ms; n = (n + writers) % people) {
      const record = await open.get(personOf(n));
      if (record && (await open.compareAndSet(personOf(n), record.version, next(record)))) writes++;
    }
  };
  await Promise.all(Array.from({ length: writers }, (_, i) => write(i)));
  const seconds = (performance.now() - began) / 1000;
  return { commits: (lastRow(folder) - before) / seconds, writes: writes / seconds };
}

function next(record: PresenceRecord): PresenceRecord {
  return { ...record, version: record.version + 1, lastActivity: (record.lastActivity ?? 0) + 1 };
}

/** Each commit is one row of the log. */
function lastRow(folder: string): number {
  const log = new DatabaseSync(`${folder}/log.db`, { readOnly: true });
  const row: any = log.prepare('SELECT max(seq) AS last FROM log').get();
  log.close();
  return row.last ?? 0;
}

/** What a remembered record weighs, bytes: all of them are read once, by a cache that holds them. */
async function cached({ folder, people }: { folder: string; people: number }): Promise<number> {
  const { openSqliteStore } = await built<typeof OpenStore>('stores/sqlite/open-store.js');
  const reading = await openSqliteStore({ path: folder, logger: silentLogger, cacheSize: people });
  await reading.get(personOf(0));
  const before = inUse();
  for (let n = 0; n < people; n++) await reading.get(personOf(n));
  const bytes = inUse() - before;
  await reading[Symbol.asyncDispose]();
  return bytes / people;
}

function inUse(): number {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

serveCommands({ disk, commits, cached });
