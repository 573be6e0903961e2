import type { Client } from 'pg';
import { StoreRefused } from '../refused.ts';
import { MIGRATION_LOCK, SHARDS } from './schema.ts';

/** A database that the settings name, connected and of today's schema. */
export interface Candidate {
  /** Names it to an operator, without secrets. */
  readonly place: string;
  readonly client: Client;
}

/** A database by its identity. */
export type Placed<C> = C & { readonly id: string };

interface Identity {
  readonly id: string;
  /** The identity of its home primary; null while it is new. */
  readonly home: string | null;
}

type Known = Candidate & Identity;

/**
 * Makes the databases the primaries of one bridge: those that are new take their part, the first of the settings becomes home
 * where there is none yet. Answers all of them, home first. Throws `StoreRefused` when they do not belong together.
 */
export async function setUp<C extends Candidate>(candidates: readonly C[]): Promise<Placed<C>[]> {
  const found = await Promise.all(candidates.map(identify));
  refuseDoubles(found);
  // In the same order for all nodes, so that none waits in a ring.
  const ordered = found.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  for (const { client } of ordered) await client.query('SELECT pg_advisory_lock($1)', [MIGRATION_LOCK]);
  const known = await Promise.all(candidates.map(identify));
  const home = await homeOf(known);
  await refuseUnknownPlaces(home, known);
  for (const each of known) if (each.home === null && each !== home) await join(each, home);
  for (const { client } of ordered) await client.query('SELECT pg_advisory_unlock($1)', [MIGRATION_LOCK]);
  const placed = candidates.map((candidate, index) => ({ ...candidate, id: known[index]?.id ?? '' }));
  return placed.toSorted((a, b) => Number(b.id === home.id) - Number(a.id === home.id));
}

async function identify(candidate: Candidate): Promise<Known> {
  const { rows } = await candidate.client.query<Identity>('SELECT id, home FROM identity');
  const [identity] = rows;
  if (!identity) throw new StoreRefused(candidate.place, 'it has lost its identity', 'Restore a backup');
  return { ...candidate, ...identity };
}

function refuseDoubles(known: readonly Known[]): void {
  for (const [index, { id, place }] of known.entries()) {
    const first = known.findIndex((other) => other.id === id);
    if (first === index) continue;
    const problem = `it is the same database as ${known[first]?.place}, or a copy of it`;
    throw new StoreRefused(place, problem, 'Name each primary once in store.shards');
  }
}

/** The home primary; made where all are new. */
async function homeOf(known: readonly Known[]): Promise<Known> {
  const homes = new Set(known.flatMap(({ home }) => home ?? []));
  const stranger = known.find(({ home }) => home !== null && home !== [...homes][0]);
  if (stranger) {
    throw new StoreRefused(
      stranger.place,
      'it belongs to another bridge',
      'Name databases of one bridge, or new ones',
    );
  }
  const [homeId] = homes;
  const home = homeId === undefined ? known[0] : known.find(({ id }) => id === homeId);
  if (!home) {
    const [place = ''] = known.map((each) => each.place);
    throw new StoreRefused(
      place,
      'its home primary is not among store.shards',
      'Name all primaries of the bridge',
    );
  }
  if (homeId === undefined) await makeHome(home, known);
  return home;
}

/** Which of so many primaries a shard is on at first; ranges, which are easily told and moved. */
export function firstPlace(shard: number, primaries: number): number {
  return Math.floor((shard * primaries) / SHARDS);
}

/** Shares the shards out evenly, in one transaction: they are all somewhere, or there is no home yet. */
async function makeHome(home: Known, known: readonly Known[]): Promise<void> {
  const places = Array.from({ length: SHARDS }, (_, shard) => known[firstPlace(shard, known.length)]?.id);
  const { client } = home;
  await client.query('BEGIN');
  await client.query(
    'INSERT INTO shards SELECT place - 1, id FROM unnest($1::uuid[]) WITH ORDINALITY AS s (id, place)',
    [places],
  );
  await client.query('INSERT INTO shards_here SELECT shard, true FROM shards WHERE primary_id = $1', [
    home.id,
  ]);
  await client.query('UPDATE identity SET home = id');
  await client.query('COMMIT');
}

/** A new primary takes the shards that are meant for it, once: later only moves change which it has. */
async function join({ id, client }: Known, home: Known): Promise<void> {
  const { rows } = await home.client.query<{ shard: number }>(
    'SELECT shard FROM shards WHERE primary_id = $1',
    [id],
  );
  await client.query('BEGIN');
  await client.query('INSERT INTO shards_here SELECT s, true FROM unnest($1::smallint[]) AS u (s)', [
    rows.map(({ shard }) => shard),
  ]);
  await client.query('UPDATE identity SET home = $1', [home.id]);
  await client.query('COMMIT');
}

async function refuseUnknownPlaces(home: Known, known: readonly Known[]): Promise<void> {
  const { rows } = await home.client.query('SELECT FROM shards WHERE primary_id <> ALL ($1) LIMIT 1', [
    known.map(({ id }) => id),
  ]);
  if (rows.length === 0) return;
  const problem = 'some of its shards are on primaries that are not among store.shards';
  throw new StoreRefused(home.place, problem, 'Name all primaries of the bridge');
}
