import { crc32 } from 'node:zlib';
import type { Clock } from '../../presence/clock.ts';
import { BridgeError } from '../../presence/errors.ts';
import type { PersonId } from '../../presence/identity.ts';
import type { Primary } from './primary.ts';
import { SHARDS } from './schema.ts';

/** How long a caller waits before each of its next looks for a shard that is moving, ms. */
const WAITS_MS = [0, 50, 100, 200, 400, 800, 1_600, 3_200];

/** The shard of a person, for ever. */
export function shardOf(person: PersonId): number {
  return crc32(person) % SHARDS;
}

/** Which primary has which shard, as home knew it last. */
export class ShardMap {
  readonly #home: Primary;
  readonly #primaries: ReadonlyMap<string, Primary>;
  readonly #clock: Clock;
  #places: readonly string[] = [];
  #edition = 0;
  #loading: Promise<void> | null = null;
  #next: Promise<void> | null = null;

  /** `primaries` by identity, home included. Load it before use. */
  constructor(home: Primary, primaries: ReadonlyMap<string, Primary>, clock: Clock) {
    this.#home = home;
    this.#primaries = primaries;
    this.#clock = clock;
  }

  /** Throws `store_unavailable` when the shard is on a primary that the settings of this node do not name. */
  locate(shard: number): Primary {
    const primary = this.#primaries.get(this.#places[shard] ?? '');
    if (!primary)
      throw new BridgeError('store_unavailable', '', { cause: new Error(`shard ${shard} is nowhere`) });
    return primary;
  }

  /** Another whenever it was found to have changed. */
  get edition(): number {
    return this.#edition;
  }

  /** Reads it anew; callers at the same time share a read that begins after they called. Errors as in `Primary`. */
  load(): Promise<void> {
    this.#next ??= this.#readAfter(this.#loading);
    return this.#next;
  }

  /**
   * Tries until what is sought is not elsewhere. A shard moves within seconds: throws `store_unavailable` when it takes
   * longer, else what `attempt` throws.
   */
  async chase<T>(attempt: () => Promise<T | 'elsewhere'>): Promise<T> {
    for (const wait of WAITS_MS) {
      const result = await attempt();
      if (result !== 'elsewhere') return result;
      if (wait > 0) await new Promise<void>((resolve) => this.#clock.after(wait, resolve));
      await this.load();
    }
    const result = await attempt();
    if (result !== 'elsewhere') return result;
    throw new BridgeError('store_unavailable', '', {
      cause: new Error('a shard has been moving for too long'),
    });
  }

  async #readAfter(underWay: Promise<void> | null): Promise<void> {
    await underWay?.catch(() => undefined);
    this.#loading = this.#next;
    this.#next = null;
    await this.#read();
  }

  async #read(): Promise<void> {
    const rows = await this.#home.query<{ primary_id: string }>(
      'SELECT primary_id FROM shards ORDER BY shard',
    );
    const places = rows.map(({ primary_id }) => primary_id);
    if (places.join() !== this.#places.join()) this.#edition++;
    this.#places = places;
  }
}
