/* One process of the scale-out benchmark: writes as fast as it can for a while, and says how it went. */
import { performance } from 'node:perf_hooks';
import { Client } from 'pg';
import { systemClock } from '../../src/presence/clock.ts';
import type { PersonId } from '../../src/presence/identity.ts';
import { BLANK } from '../../src/presence/record.ts';
import type { PresenceRecord } from '../../src/presence/record.ts';
import type { PresenceStore } from '../../src/presence/store.ts';
import { openPostgresStore } from '../../src/stores/postgres/open-store.ts';
import { openSqliteStore } from '../../src/stores/sqlite/open-store.ts';
import { encodeRecord } from '../../src/stores/record-codec.ts';
import { bridgeDialect } from '../../src/surfaces/bridge/dialect.ts';
import { reduce } from '../../src/presence/reduce.ts';
import { RULES } from '../helpers/bridge.ts';
import { silentLogger } from '../helpers/logger.ts';
import type { Figures, Task } from './scale-out-task.ts';
import { personOf } from './scale-out-task.ts';

const TEXT = { kind: 'set', text: 'Working on Plexichat', emoji: ':computer:' } as const;

/** The record after one more PUT. */
function next(record: PresenceRecord): PresenceRecord {
  const mode = record.version % 2 === 0 ? 'online' : 'dnd';
  return reduce(record, { dialect: bridgeDialect, mode, status: TEXT }, Date.now(), RULES);
}

/** Runs so many writers until the time is over; each of them waits for its own write. */
async function run({ writers, ms }: Task, write: () => Promise<boolean>): Promise<Figures> {
  const until = performance.now() + ms;
  const times: number[] = [];
  let refused = 0;
  await Promise.all(
    Array.from({ length: writers }, async () => {
      for (let began = performance.now(); began < until; began = performance.now()) {
        if (await write()) times.push(performance.now() - began);
        else refused++;
      }
    }),
  );
  times.sort((a, b) => a - b);
  const at = (part: number) => times[Math.floor(times.length * part)] ?? NaN;
  return { perSecond: (times.length / ms) * 1000, p50: at(0.5), p99: at(0.99), refused };
}

function overStore(store: PresenceStore, people: number): () => Promise<boolean> {
  return async () => {
    const person = personOf(Math.floor(Math.random() * people));
    const record = (await store.get(person)) ?? BLANK;
    return store.compareAndSet(person, record.version, next(record));
  };
}

/** Batched upserts by one connection and nothing else: what arrived meanwhile goes together, as the stores do it. */
async function bareSql(task: Task): Promise<Figures> {
  const client = new Client({ connectionString: task.place });
  await client.connect();
  let waiting: { person: PersonId; record: string; done: () => void }[] = [];
  let running = false;
  const flush = async () => {
    running = true;
    while (waiting.length > 0) {
      const batch = new Map(waiting.map((each) => [each.person, each]));
      const all = waiting;
      waiting = [];
      await client.query(
        `INSERT INTO bare SELECT * FROM unnest($1::text[], $2::text[])
         ON CONFLICT (person) DO UPDATE SET record = excluded.record`,
        [[...batch.keys()], [...batch.values()].map(({ record }) => record)],
      );
      for (const { done } of all) done();
    }
    running = false;
  };
  const record = encodeRecord(next(next(BLANK)));
  const figures = await run(task, () => {
    const person = personOf(Math.floor(Math.random() * task.people));
    return new Promise((resolve) => {
      waiting.push({ person, record, done: () => resolve(true) });
      if (!running) setImmediate(() => void (running || flush()));
    });
  });
  await client.end();
  return figures;
}

async function perform(task: Task): Promise<Figures> {
  if (task.kind === 'bare') return bareSql(task);
  const store =
    task.kind === 'embedded'
      ? await openSqliteStore({ path: task.place, logger: silentLogger })
      : await openPostgresStore({
          shards: [task.place],
          connections: 4,
          clock: systemClock,
          logger: silentLogger,
        });
  if ('follow' in store) {
    const quiet = () => Promise.resolve();
    await store.follow({ recordsChanged: quiet, directoryChanged: quiet, missed: quiet });
  }
  const figures = await run(task, overStore(store, task.people));
  await store[Symbol.asyncDispose]();
  return figures;
}

process.on('message', (task: Task) => {
  perform(task).then(
    (figures) => process.send?.(figures, () => process.disconnect()),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
});
