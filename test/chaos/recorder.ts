import type { Read, Told, Write } from './history.ts';

/** Somebody as a watcher is told of her; a null text is none. */
export interface Face {
  readonly watcher: string;
  readonly person: string;
  readonly mode: string;
  readonly text: string | null;
  /** Of a stream that begins anew. */
  readonly fresh: boolean;
}

/** Collects what clients do and see, by one counter of events. */
export class Recorder {
  readonly writes: Write[] = [];
  readonly reads: Read[] = [];
  readonly told: Told[] = [];
  readonly faces: Face[] = [];
  /** What no client should ever have seen. */
  readonly oddities: string[] = [];
  #ticks = 0;

  tick(): number {
    return ++this.#ticks;
  }

  saw(face: Face): void {
    this.faces.push(face);
    const { watcher, person, text, fresh } = face;
    if (text !== null) this.told.push({ watcher, person, text, fresh, ms: Date.now() });
  }

  /** The text that a watcher was last told of somebody. */
  lastTold(watcher: string, person: string): string | null {
    return this.told.findLast((each) => each.watcher === watcher && each.person === person)?.text ?? null;
  }

  get acknowledged(): number {
    return this.writes.filter((write) => write.acknowledged).length;
  }
}
