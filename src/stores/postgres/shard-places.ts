import type { Primary } from './primary.ts';
import type { Sessions } from './sessions.ts';

/** Where a shard is. */
export interface ShardPlace {
  readonly shard: number;
  /** Where home says it is. */
  readonly primary: Primary;
  /** Who has it, and whether it may be written there. Only while it moves is that anybody but `primary`, open. */
  readonly holders: ReadonlyMap<Primary, boolean>;
}

/** All shards in order; home comes first among the primaries. Throws what the driver throws. */
export async function placesOf(
  primaries: readonly [Primary, ...Primary[]],
  sessions: Sessions,
): Promise<ShardPlace[]> {
  const { rows } = await sessions
    .at(primaries[0])
    .query<{ shard: number; primary_id: string }>('SELECT shard, primary_id FROM shards ORDER BY shard');
  const byId = new Map(primaries.map((primary) => [primary.id, primary]));
  const holders = new Map<number, Map<Primary, boolean>>(rows.map(({ shard }) => [shard, new Map()]));
  for (const primary of primaries) {
    const here = await sessions
      .at(primary)
      .query<{ shard: number; open: boolean }>('SELECT shard, open FROM shards_here');
    for (const { shard, open } of here.rows) holders.get(shard)?.set(primary, open);
  }
  return rows.map(({ shard, primary_id }) => {
    const primary = byId.get(primary_id);
    if (!primary) throw new Error(`shard ${shard} is on a primary that is not among store.shards`);
    return { shard, primary, holders: holders.get(shard) ?? new Map() };
  });
}

/** Those of which a move has been begun and not completed. */
export function unfinished(places: readonly ShardPlace[]): ShardPlace[] {
  return places.filter(({ primary, holders }) => holders.size !== 1 || holders.get(primary) !== true);
}
