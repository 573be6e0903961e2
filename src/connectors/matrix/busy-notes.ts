import { z } from 'zod';
import type { Directory } from '../../presence/directory.ts';

/** Over so many rows the names are spread, so that a change writes few of them. */
const ROWS = 64;

type Rows = Pick<Directory, 'meta' | 'commit'>;

const stored = z.array(z.string());

/**
 * Whom the homeserver was told to be busy, over restarts: it believes that for an hour without another word, where whoever is
 * merely online is forgotten within a minute.
 */
export class BusyNotes {
  readonly #directory: Rows;
  readonly #rows = new Map<number, Promise<NoteRow>>();

  constructor(directory: Rows) {
    this.#directory = directory;
  }

  /** Everybody noted, in no particular order. Errors as in the store. */
  async all(): Promise<string[]> {
    const rows = await Promise.all(Array.from({ length: ROWS }, (_, index) => this.#row(index)));
    return rows.flatMap(({ userIds }) => [...userIds]);
  }

  /** Resolves once it is durable. Errors as in the store: then it may not have been noted. */
  async add(userId: string): Promise<void> {
    await (await this.#row(indexOf(userId))).set(userId, true);
  }

  /** As `add`. */
  async remove(userId: string): Promise<void> {
    await (await this.#row(indexOf(userId))).set(userId, false);
  }

  #row(index: number): Promise<NoteRow> {
    const known = this.#rows.get(index);
    if (known) return known;
    const row = NoteRow.read(this.#directory, `homeserver-busy-${index}`);
    this.#rows.set(index, row);
    row.catch(() => this.#rows.delete(index));
    return row;
  }
}

/** One row of names. Changes that come while it is written are written together. */
class NoteRow {
  readonly userIds: Set<string>;
  readonly #directory: Rows;
  readonly #key: string;
  /** Changes so far, and how many of them are durable. */
  #changes = 0;
  #durable = 0;
  #running: Promise<unknown> = Promise.resolve();
  #next: Promise<void> | null = null;

  private constructor(directory: Rows, key: string, userIds: Iterable<string>) {
    this.#directory = directory;
    this.#key = key;
    this.userIds = new Set(userIds);
  }

  static async read(directory: Rows, key: string): Promise<NoteRow> {
    const text = await directory.meta(key);
    return new NoteRow(directory, key, text === null ? [] : stored.parse(JSON.parse(text)));
  }

  async set(userId: string, isNoted: boolean): Promise<void> {
    if (this.userIds.has(userId) !== isNoted) {
      if (isNoted) this.userIds.add(userId);
      else this.userIds.delete(userId);
      this.#changes++;
    }
    if (this.#durable < this.#changes) await this.#save();
  }

  #save(): Promise<void> {
    if (this.#next) return this.#next;
    const next = this.#running.then(() => this.#write());
    this.#next = next;
    this.#running = next.catch(() => undefined);
    return next;
  }

  async #write(): Promise<void> {
    this.#next = null;
    const changes = this.#changes;
    const value = JSON.stringify([...this.userIds]);
    await this.#directory.commit([{ row: 'meta', key: this.#key, value }]);
    this.#durable = changes;
  }
}

function indexOf(userId: string): number {
  let sum = 0;
  for (const char of userId) sum = (sum * 31 + char.charCodeAt(0)) % 65_521;
  return sum % ROWS;
}
