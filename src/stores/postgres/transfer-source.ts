import type { Client } from 'pg';
import { StoreRefused } from '../refused.ts';
import { refuseUnfinished, TRANSFER_KEY } from '../transfer/progress.ts';
import type { TransferSource } from '../transfer/store.ts';
import type { Primary } from './primary.ts';
import type { Sessions } from './sessions.ts';
import { placesOf, unfinished } from './shard-places.ts';
import { transferReader } from './transfer-reader.ts';

/** A store to copy from, on sessions that have it to themselves; home first. Throws `StoreRefused`. */
export async function postgresSource(
  primaries: readonly [Primary, ...Primary[]],
  sessions: Sessions,
): Promise<TransferSource> {
  const [home, ...others] = primaries;
  const client = sessions.at(home);
  refuseUnfinished(await noteAt(sessions, home), home.place);
  await refuseEmpty(client, home.place);
  const moving = unfinished(await placesOf(primaries, sessions));
  if (moving.length > 0) {
    const problem = `the move of shard ${moving.map(({ shard }) => shard).join()} is not complete`;
    throw new StoreRefused(home.place, problem, 'Run plexibridge shards move for it again');
  }
  const reader = transferReader(home.place, [client, ...others.map((primary) => sessions.at(primary))]);
  return { ...reader, mark: { store: home.id, position: await positionOf(primaries, sessions) } };
}

/** A database that was named by mistake has just been made a store. */
async function refuseEmpty(client: Client, place: string): Promise<void> {
  const { rows } = await client.query('SELECT FROM meta UNION ALL (SELECT FROM people LIMIT 1) LIMIT 1');
  if (rows.length === 0) throw new StoreRefused(place, 'there is nothing in it', 'Check store.shards');
}

/** What a store notes of a migration into it; null where there is none under way. */
export async function noteAt(sessions: Sessions, home: Primary): Promise<string | null> {
  const { rows } = await sessions
    .at(home)
    .query<{ value: string }>('SELECT value FROM meta WHERE key = $1', [TRANSFER_KEY]);
  return rows[0]?.value ?? null;
}

/** The newest commit of each primary: every change of records and directory is one. */
async function positionOf(primaries: readonly Primary[], sessions: Sessions): Promise<string> {
  const positions: string[] = [];
  for (const primary of primaries.toSorted((a, b) => (a.id < b.id ? -1 : 1))) {
    const { rows } = await sessions
      .at(primary)
      .query<{ seq: string }>('SELECT coalesce(max(seq), 0) AS seq FROM outbox');
    positions.push(`${primary.id}:${rows[0]?.seq}`);
  }
  return positions.join(' ');
}
