import type { Read, Told, Write } from './history.ts';

/** Collects what clients do and see, by one counter of events. */
export class Recorder {
  readonly writes: Write[] = [];
  readonly reads: Read[] = [];
  readonly told: Told[] = [];
  /** What no client should ever have seen. */
  readonly oddities: string[] = [];
  #ticks = 0;

  tick(): number {
    return ++this.#ticks;
  }

  /** The text that a watcher was last told of somebody. */
  lastTold(watcher: string, person: string): string | null {
    return this.told.findLast((each) => each.watcher === watcher && each.person === person)?.text ?? null;
  }

  get acknowledged(): number {
    return this.writes.filter((write) => write.acknowledged).length;
  }
}
