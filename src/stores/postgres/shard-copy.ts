import type { Client } from 'pg';
import type { PersonId } from '../../presence/identity.ts';
import { StoreRefused } from '../refused.ts';
import type { RecordColumns } from './record-columns.ts';
import { putRecords } from './record-columns.ts';
import { shardOf } from './shard-map.ts';

/** Rows copied or removed at a time. */
const CHUNK = 5_000;
/** Changes that are few enough to be copied while nobody writes. */
const FEW = 100;
/** Tries to get there; one that writes faster than this copies has to wait. */
const PASSES = 20;
/** How long what the outbox has is surely there, s; see `outbox_lane`. */
const OUTBOX_KEPT_S = 300;

const COLUMNS = 'person, shard, version, record, settled_slot AS slot';

/** A copy that nobody reads yet. */
export interface ShardCopy {
  /** Records copied. */
  readonly rows: number;
  /** Copies what has changed since, removals too; answers how many people. */
  catchUp(): Promise<number>;
}

/**
 * Copies a shard while it is written to, from the beginning. Resolves when little has changed since. Whatever changes is in the
 * outbox of the old primary, and what these people have is read again. Throws what the driver throws.
 */
export async function copyShard(from: Client, to: Client, shard: number): Promise<ShardCopy> {
  // Whoever comes after a crash does not know how old its copy is.
  await removeRows(to, shard);
  let mark = await markOf(from);
  let rows = 0;
  const catchUp = async (): Promise<number> => {
    const next = await markOf(from);
    if (next.second - mark.second > OUTBOX_KEPT_S) {
      throw new Error(`copying shard ${shard} took too long for its changes to be known; try again`);
    }
    const changed = await changedSince(from, mark.seq, shard);
    mark = next;
    for (let start = 0; start < changed.length; start += CHUNK) {
      await copyAgain(from, to, changed.slice(start, start + CHUNK));
    }
    return changed.length;
  };
  for (let after = ''; ;) {
    const page = await from.query<RecordColumns>(
      `SELECT ${COLUMNS} FROM presence WHERE shard = $1 AND person > $2 ORDER BY person LIMIT ${CHUNK}`,
      [shard, after],
    );
    const last = page.rows.at(-1);
    if (!last) break;
    await putRecords(to, page.rows);
    rows += page.rows.length;
    after = last.person;
    await catchUp();
  }
  for (let pass = 1; pass <= PASSES && (await catchUp()) > FEW; pass++);
  return { rows, catchUp };
}

/** Throws `StoreRefused` where a copy does not hold as many records, of the same versions. */
export async function refuseDifferent(from: Client, to: Client, shard: number, place: string): Promise<void> {
  const [old, copy] = await Promise.all([sumOf(from, shard), sumOf(to, shard)]);
  if (old === copy) return;
  throw new StoreRefused(place, `the copy of shard ${shard} is not the same`, 'Try again');
}

/** Removes what is left of a shard that is not here, or not yet. */
export async function removeRows(client: Client, shard: number): Promise<void> {
  for (;;) {
    const { rowCount } = await client.query(
      `DELETE FROM presence WHERE ctid = ANY (ARRAY(SELECT ctid FROM presence WHERE shard = $1 LIMIT ${CHUNK}))`,
      [shard],
    );
    if ((rowCount ?? 0) < CHUNK) return;
  }
}

interface Mark {
  /** The newest commit. */
  readonly seq: string;
  /** By the server's clock. */
  readonly second: number;
}

async function markOf(client: Client): Promise<Mark> {
  const { rows } = await client.query<{ seq: string; second: string }>(
    'SELECT coalesce(max(seq), 0) AS seq, extract(epoch FROM clock_timestamp()) AS second FROM outbox',
  );
  return { seq: rows[0]?.seq ?? '0', second: Number(rows[0]?.second) };
}

async function changedSince(client: Client, seq: string, shard: number): Promise<string[]> {
  const { rows } = await client.query<{ person: PersonId }>(
    'SELECT DISTINCT unnest(people) AS person FROM outbox WHERE seq > $1',
    [seq],
  );
  return rows.map(({ person }) => person).filter((person) => shardOf(person) === shard);
}

async function copyAgain(from: Client, to: Client, people: readonly string[]): Promise<void> {
  const { rows } = await from.query<RecordColumns>(
    `SELECT ${COLUMNS} FROM presence WHERE person = ANY ($1)`,
    [people],
  );
  await putRecords(to, rows);
  const there = new Set(rows.map(({ person }) => person));
  const gone = people.filter((person) => !there.has(person));
  if (gone.length > 0) await to.query('DELETE FROM presence WHERE person = ANY ($1)', [gone]);
}

async function sumOf(client: Client, shard: number): Promise<string> {
  const { rows } = await client.query<{ sum: string }>(
    "SELECT count(*) || ' ' || coalesce(sum(version), 0) AS sum FROM presence WHERE shard = $1",
    [shard],
  );
  return rows[0]?.sum ?? '';
}
