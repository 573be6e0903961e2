import { EventEmitter, once } from 'node:events';
import type { Directory } from '../../src/presence/directory.ts';
import type { PersonId } from '../../src/presence/identity.ts';
import type { PresenceRecord } from '../../src/presence/record.ts';
import type { PresenceStore } from '../../src/presence/store.ts';
import { Batcher } from '../../src/stores/batcher.ts';
import { MemoryStore } from '../../src/stores/memory/memory-store.ts';
import { bendStore } from './bent-store.ts';

interface Write {
  readonly person: PersonId;
  readonly expected: number;
  readonly record: PresenceRecord;
}

/** A store in memory that commits as the real ones do, by the same batcher, each commit when the test lets it. */
export class BatchedStore {
  readonly store: PresenceStore & Directory;
  /** Commits that have ended. */
  commits = 0;
  readonly #memory = new MemoryStore();
  readonly #events = new EventEmitter();
  #open = true;

  constructor(limit: number) {
    const batcher = new Batcher<Write, boolean>({ limit, commit: (writes) => this.#commit(writes) });
    this.store = bendStore(this.#memory, {
      compareAndSet: (person, expected, record) => batcher.add({ person, expected, record }),
    });
  }

  /** From now on no commit ends by itself. */
  stall(): void {
    this.#open = false;
  }

  /** Lets the commit end that runs; resolves when it has. */
  async step(): Promise<void> {
    const ended = once(this.#events, 'ended');
    this.#events.emit('let');
    await ended;
  }

  /** Lets all commits end from now on. */
  run(): void {
    this.#open = true;
    this.#events.emit('let');
  }

  async #commit(writes: readonly Write[]): Promise<boolean[]> {
    if (!this.#open) await once(this.#events, 'let');
    const results: boolean[] = [];
    for (const { person, expected, record } of writes) {
      results.push(await this.#memory.compareAndSet(person, expected, record));
    }
    this.commits++;
    this.#events.emit('ended');
    return results;
  }
}
