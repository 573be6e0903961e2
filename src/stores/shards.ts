import type { Clock } from '../presence/clock.ts';
import type { StoreLogger } from './logger.ts';
import { openPrimaries } from './postgres/open-store.ts';
import type { Primary } from './postgres/primary.ts';
import { SHARDS } from './postgres/schema.ts';
import { Sessions } from './postgres/sessions.ts';
import type { MoveReport } from './postgres/shard-mover.ts';
import { ShardMover } from './postgres/shard-mover.ts';
import { placesOf, unfinished } from './postgres/shard-places.ts';

/** Counting and removing rows takes its time, ms. */
const TIMEOUTS = { connect: 3_000, statement: 60_000 };

export interface ShardsOptions {
  /** A connection URL for each primary. */
  readonly shards: readonly string[];
  readonly clock: Clock;
  readonly logger: StoreLogger;
}

export interface PrimaryReport {
  /** From 1; home is the first. */
  readonly number: number;
  /** Such as `host:5432/database`. */
  readonly place: string;
  /** Those that home says are here. */
  readonly shards: readonly number[];
  /** Presence records of these. */
  readonly records: number;
  /** Those of which a move was not completed. */
  readonly unfinished: readonly number[];
}

/** Which primary has what, home first. Errors as of `openPrimaries`, else what the driver throws. */
export async function listShards(options: ShardsOptions): Promise<PrimaryReport[]> {
  return withPrimaries(options, async (primaries) => {
    await using sessions = await Sessions.open(primaries, []);
    const places = await placesOf(primaries, sessions);
    const moving = new Set(unfinished(places));
    const reports: PrimaryReport[] = [];
    for (const [index, primary] of primaries.entries()) {
      const here = places.filter((place) => place.primary === primary);
      const shards = here.map(({ shard }) => shard);
      const { rows } = await sessions
        .at(primary)
        .query<{ records: string }>('SELECT count(*) AS records FROM presence WHERE shard = ANY ($1)', [
          shards,
        ]);
      reports.push({
        number: index + 1,
        place: primary.place,
        shards,
        records: Number(rows[0]?.records),
        unfinished: here.filter((place) => moving.has(place)).map(({ shard }) => shard),
      });
    }
    return reports;
  });
}

/**
 * Moves shards one after the other to the primary of this number or place, and tells of each. Errors as of `listShards` and
 * `ShardMover`; throws a `RangeError` for a primary that there is not.
 */
export async function moveShards(
  { clock, ...options }: ShardsOptions,
  shards: readonly number[],
  to: string,
  moved: (report: MoveReport) => void,
): Promise<void> {
  return withPrimaries({ clock, ...options }, async (primaries) => {
    const target = primaries.find((primary, index) => to === String(index + 1) || isPlace(primary, to));
    if (!target) throw new RangeError(`There is no primary ${to}: plexibridge shards lists them.`);
    await using mover = await ShardMover.begin({ primaries, clock });
    for (const shard of shards) moved(await mover.move(shard, target));
  });
}

/** Shards such as `7` or `0-15,40`, in order. Throws a `RangeError`. */
export function parseRanges(text: string): number[] {
  const shards = new Set<number>();
  for (const part of text.split(',')) {
    const [, first = '', last = first] = /^(\d{1,3})(?:-(\d{1,3}))?$/.exec(part.trim()) ?? [];
    if (first === '' || Number(last) >= SHARDS || Number(first) > Number(last)) {
      throw new RangeError(
        `${part.trim()} names no shards: use numbers up to ${SHARDS - 1}, such as 0-15,40.`,
      );
    }
    for (let shard = Number(first); shard <= Number(last); shard++) shards.add(shard);
  }
  return [...shards].sort((a, b) => a - b);
}

/** The shortest text that `parseRanges` makes these of. */
export function formatRanges(shards: readonly number[]): string {
  const ranges: [first: number, last: number][] = [];
  for (const shard of shards.toSorted((a, b) => a - b)) {
    const range = ranges.at(-1);
    if (range && shard === range[1] + 1) range[1] = shard;
    else ranges.push([shard, shard]);
  }
  return ranges.map(([first, last]) => (first === last ? first : `${first}-${last}`)).join(',');
}

/** The port may be left out. */
function isPlace({ place }: Primary, text: string): boolean {
  return place === text || place.replace(/:\d+\//, '/') === text;
}

async function withPrimaries<T>(
  { shards, logger }: ShardsOptions,
  work: (primaries: readonly [Primary, ...Primary[]]) => Promise<T>,
): Promise<T> {
  const primaries = await openPrimaries(
    { shards, connections: 1, logger, timeouts: TIMEOUTS },
    'plexibridge: shards',
  );
  try {
    return await work(primaries);
  } finally {
    await Promise.all(primaries.map((primary) => primary[Symbol.asyncDispose]()));
  }
}
