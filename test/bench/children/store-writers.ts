/* Writers to one store without HTTP: the embedded one, a node over PostgreSQL, or SQL that does nothing else. */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import type * as Clock from '../../../src/presence/clock.ts';
import type { PersonId } from '../../../src/presence/identity.ts';
import type * as Records from '../../../src/presence/record.ts';
import type { PresenceRecord } from '../../../src/presence/record.ts';
import type { PresenceStore } from '../../../src/presence/store.ts';
import type * as OpenPostgres from '../../../src/stores/postgres/open-store.ts';
import type * as Codec from '../../../src/stores/record-codec.ts';
import type * as OpenSqlite from '../../../src/stores/sqlite/open-store.ts';
import { silentLogger as logger } from '../../helpers/logger.ts';
import { built } from '../built.ts';
import { personOf } from '../world.ts';
import { serveCommands } from './commands.ts';

const CONNECTIONS = 4;

const { openPostgresStore } = await built<typeof OpenPostgres>('stores/postgres/open-store.js');
const { openSqliteStore } = await built<typeof OpenSqlite>('stores/sqlite/open-store.js');
const { encodeRecord } = await built<typeof Codec>('stores/record-codec.js');
const { BLANK } = await built<typeof Records>('presence/record.js');
const { systemClock: clock } = await built<typeof Clock>('presence/clock.js');

/** Writes once for a person; false when somebody else was quicker. */
type Write = (person: PersonId) => Promise<boolean>;
let opened: { readonly write: Write; readonly close: () => Promise<unknown> } | null = null;

interface Opening {
  readonly kind: 'embedded' | 'node' | 'bare';
  /** A folder or a URL. */
  readonly place: string;
}

async function open({ kind, place }: Opening): Promise<void> {
  if (kind === 'bare') {
    opened = await bareSql(place);
    return;
  }
  const store = kind === 'node' ? await node(place) : await openSqliteStore({ path: place, logger });
  opened = { write: overStore(store), close: async () => store[Symbol.asyncDispose]() };
}

async function close(): Promise<void> {
  await opened?.close();
  opened = null;
}

async function node(url: string, heard: (people: readonly PersonId[]) => void = () => undefined) {
  const store = await openPostgresStore({ shards: [url], connections: CONNECTIONS, clock, logger });
  const quiet = () => Promise.resolve();
  const recordsChanged = (people: readonly PersonId[]) => {
    heard(people);
    return Promise.resolve();
  };
  await store.follow({ recordsChanged, directoryChanged: quiet, missed: quiet });
  return store;
}

function overStore(store: PresenceStore): Write {
  return async (person) => {
    const record = (await store.get(person)) ?? BLANK;
    return store.compareAndSet(person, record.version, next(record));
  };
}

function next(record: PresenceRecord): PresenceRecord {
  return { ...record, version: record.version + 1, lastActivity: (record.lastActivity ?? 0) + 1 };
}

/** Upserts in batches on one connection: what arrived meanwhile goes together, as the stores do it. */
async function bareSql(url: string) {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(
    `CREATE TABLE IF NOT EXISTS bare (person text PRIMARY KEY, record text NOT NULL) WITH (fillfactor = 70)`,
  );
  const record = encodeRecord(next(BLANK));
  let waiting: { person: PersonId; done: (yes: boolean) => void }[] = [];
  let running = false;
  const flush = async () => {
    running = true;
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      const people = [...new Set(batch.map(({ person }) => person))];
      await client.query(
        `INSERT INTO bare SELECT person, $2 FROM unnest($1::text[]) AS person
         ON CONFLICT (person) DO UPDATE SET record = excluded.record`,
        [people, record],
      );
      for (const { done } of batch) done(true);
    }
    running = false;
  };
  const write: Write = (person) =>
    new Promise((done) => {
      waiting.push({ person, done });
      if (!running) setImmediate(() => void (running || flush()));
    });
  return { write, close: async () => client.end() };
}

interface Writing {
  readonly writers: number;
  readonly people: number;
  readonly ms: number;
}

/** Writers that each wait for their own write, to anybody. */
async function run({ writers, people, ms }: Writing) {
  const times: number[] = [];
  const began = performance.now();
  const writer = async () => {
    for (let at = performance.now(); at < began + ms; at = performance.now()) {
      if (await opened?.write(personOf(Math.floor(Math.random() * people))))
        times.push(performance.now() - at);
    }
  };
  await Promise.all(Array.from({ length: writers }, writer));
  times.sort((a, b) => a - b);
  const at = (part: number) => times[Math.floor(times.length * part)] ?? NaN;
  const seconds = (performance.now() - began) / 1000;
  return { count: times.length, seconds, p50: at(0.5), p99: at(0.99) };
}

/** From the call that writes at one node until another is told, ms, one after the other. */
async function feed({ place, probes }: { place: string; probes: number }): Promise<number[]> {
  const heard = new Map<string, number>();
  await using writing = await node(place);
  await using _ = await node(place, (people) => {
    for (const person of people) heard.set(person, performance.now());
  });
  const times: number[] = [];
  for (let probe = 0; probe < probes; probe++) {
    const person = `probe${probe}-${performance.now()}` as PersonId;
    const began = performance.now();
    await writing.compareAndSet(person, 0, next(BLANK));
    while (!heard.has(person)) await sleep(1);
    times.push((heard.get(person) ?? NaN) - began);
  }
  return times.toSorted((a, b) => a - b);
}

serveCommands({ open, close, run, feed });
