import { BridgeError } from '../../presence/errors.ts';
import type { OwnCommits, Place } from './caching.ts';
import type { DirectoryRow } from './directory-rows.ts';
import type { Primary } from './primary.ts';
import { brokenRule, isRefusal, sqlState } from './primary.ts';
import type { RecordRow } from './records.ts';
import { columnsOf } from './records.ts';
import { ELSEWHERE, ONE_OF_A_KIND, OVERTAKEN } from './schema.ts';
import { conclude, decisionOn, nameOfPart, newCommitName } from './two-phase.ts';

/** Tries of a primary that has to be told what was decided. */
const MAX_ATTEMPTS = 3;

export interface WriterOptions {
  readonly home: Primary;
  /** This process, as the outbox names it. */
  readonly node: string;
  readonly commits: OwnCommits;
}

/** What stands or falls together. */
export interface Entry {
  /** Records by the primary that should have them. */
  readonly records: ReadonlyMap<Primary, readonly RecordRow[]>;
  readonly rows: readonly DirectoryRow[];
  /** The position of the directory that the rows build on, where it matters. */
  readonly base: number | undefined;
}

/** Where a commit is in the outbox of each primary, and its rows as they are there. */
export interface Written {
  readonly places: ReadonlyMap<Primary, Place>;
  readonly rows: readonly DirectoryRow[];
}

/** Part of a commit that spans primaries. */
interface Span {
  readonly gid: string;
  readonly decides: boolean;
}

interface Answer {
  readonly seq: string;
  readonly rows: readonly DirectoryRow[];
}

/** Commits of the directory, with the records that belong to them. */
export class DirectoryWriter {
  readonly #options: WriterOptions;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  /**
   * All of it or nothing, durable. Throws `conflict` as `Directory.commit` does, `overloaded`, or `store_unavailable`:
   * then it may be done or not.
   */
  async write(entry: Entry): Promise<Written | 'elsewhere'> {
    try {
      return await this.#write(entry);
    } catch (error) {
      const state = sqlState(error);
      if (state === ELSEWHERE) return 'elsewhere';
      if (state === OVERTAKEN) throw new BridgeError('conflict', '', { cause: error });
      if (brokenRule(error) === ONE_OF_A_KIND) {
        throw new BridgeError('conflict', 'A person has at most one address of a kind on a network', {
          cause: error,
        });
      }
      throw error;
    }
  }

  async #write(entry: Entry): Promise<Written> {
    const { home } = this.#options;
    const others = [...entry.records.keys()].filter((primary) => primary !== home);
    const needsHome = entry.rows.length > 0 || entry.base !== undefined || entry.records.has(home);
    const [only] = others;
    if (!only) return this.#call(home, entry);
    if (!needsHome && others.length === 1) return this.#call(only, entry);
    return this.#writeAcross(others, entry);
  }

  /** What belongs to one primary, in one statement; the whole of an entry or its part of a span. */
  async #call(primary: Primary, entry: Entry, span?: Span): Promise<Written> {
    const acknowledge = this.#options.commits.begin(primary.id);
    let seq: number | null = null;
    try {
      const [row] = await primary.query<Answer>(...this.#statement(primary, entry, span));
      if (!row) throw new BridgeError('store_unavailable');
      seq = Number(row.seq);
      return { places: new Map([[primary, { primary: primary.id, seq }]]), rows: row.rows };
    } finally {
      acknowledge(seq);
    }
  }

  /** The others promise, home decides, the others carry it out. In the same order for all, so that nobody waits in a ring. */
  async #writeAcross(others: readonly Primary[], entry: Entry): Promise<Written> {
    const { home, commits } = this.#options;
    const gid = newCommitName(home);
    const promised = others.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    const acknowledgements = promised.map(({ id }) => commits.begin(id));
    const places = new Map<Primary, Place>();
    let asked = false;
    try {
      for (const primary of promised) {
        places.set(primary, { primary: primary.id, seq: await this.#prepare(primary, entry, gid) });
      }
      asked = true;
      const decided = await this.#call(home, entry, { gid, decides: true });
      await Promise.all(promised.map((primary) => this.#carryOut(primary, gid)));
      promised.forEach((primary, index) => acknowledgements[index]?.(places.get(primary)?.seq ?? null));
      return { places: new Map([...places, ...decided.places]), rows: decided.rows };
    } catch (error) {
      await this.#settle(promised, gid, asked && !isRefusal(error));
      for (const acknowledge of acknowledgements) acknowledge(null);
      throw error;
    }
  }

  async #prepare(primary: Primary, entry: Entry, gid: string): Promise<number> {
    return primary.session(async (client) => {
      try {
        await client.query('BEGIN');
        const { rows } = await client.query<Answer>(
          ...this.#statement(primary, { ...entry, rows: [], base: undefined }, { gid, decides: false }),
        );
        await client.query(`PREPARE TRANSACTION '${nameOfPart(gid, primary)}'`);
        return Number(rows[0]?.seq);
      } catch (error) {
        await client.query('ROLLBACK').catch(() => undefined);
        throw error;
      }
    });
  }

  /** After a failure: tells what was decided to those that can be reached; `Recovery` does the rest. */
  async #settle(promised: readonly Primary[], gid: string, mayBeDecided: boolean): Promise<void> {
    try {
      const outcome = mayBeDecided ? await decisionOn(this.#options.home, gid) : 'abort';
      await Promise.allSettled(promised.map((primary) => conclude(primary, gid, outcome)));
    } catch {
      // Home does not answer.
    }
  }

  async #carryOut(primary: Primary, gid: string): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await conclude(primary, gid, 'commit');
        return;
      } catch (error) {
        if (attempt === MAX_ATTEMPTS) throw error;
      }
    }
  }

  #statement(primary: Primary, { records, rows, base }: Entry, span?: Span): [string, unknown[]] {
    return [
      'SELECT * FROM commit_directory($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)',
      [
        this.#options.node,
        base ?? null,
        JSON.stringify(rows),
        span?.gid ?? null,
        span?.decides ?? false,
        ...columnsOf(records.get(primary) ?? []),
      ],
    ];
  }
}
