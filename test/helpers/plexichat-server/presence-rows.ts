import { Expiring } from './expiring.ts';
import type { Settings } from './options.ts';

/** How long the cache server keeps a presence, ms. */
const CACHE_TTL = 300_000;

export const STATUSES = ['online', 'idle', 'dnd', 'invisible', 'offline'] as const;
export type Status = (typeof STATUSES)[number];

export function isStatus(value: unknown): value is Status {
  return STATUSES.some((status) => status === value);
}

export interface StoredPresence {
  readonly status: Status;
  readonly text: string | null;
  readonly emoji: string | null;
  /** ms since 1970; 0 when never written. */
  readonly lastSeen: number;
}

interface CustomRow {
  readonly text: string;
  readonly emoji: string | null;
}

/** One row per user, one optional row of custom status, and what the cache server still believes of them. */
export class PresenceRows {
  readonly #settings: Settings;
  readonly #statuses = new Map<string, { readonly status: Status; readonly lastSeen: number }>();
  readonly #customs = new Map<string, CustomRow>();
  readonly #cache: Expiring<StoredPresence>;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#cache = new Expiring(settings.clock, settings.cacheServer ? CACHE_TTL : 0);
  }

  setStatus(id: string, status: Status): void {
    this.#statuses.set(id, { status, lastSeen: this.#settings.clock.now() });
    // The cached copy is made before the custom status of the same request is written: one behind.
    this.#cache.set(id, this.stored(id));
  }

  setCustom(id: string, text: string, emoji: string | null): void {
    this.#customs.set(id, { text, emoji });
  }

  clearCustom(id: string): void {
    this.#customs.delete(id);
  }

  /** What the database holds. A row with an empty text reads as none. */
  stored(id: string): StoredPresence {
    const row = this.#statuses.get(id);
    const custom = this.#customs.get(id);
    const has = custom !== undefined && custom.text !== '';
    return {
      status: row?.status ?? 'offline',
      text: has ? custom.text : null,
      emoji: has ? custom.emoji : null,
      lastSeen: row?.lastSeen ?? 0,
    };
  }

  /** What a single read answers with. */
  read(id: string): StoredPresence {
    return this.#cache.get(id, () => this.stored(id));
  }
}
