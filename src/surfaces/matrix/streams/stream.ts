import type { Audience, Sighting, Watch, Watcher } from '../../../presence/audience.ts';
import type { Clock } from '../../../presence/clock.ts';
import type { Person, PersonId } from '../../../presence/identity.ts';
import type { Own, Shown } from '../../../presence/shown.ts';
import { NOTHING_SHOWN } from '../../../presence/shown.ts';
import type { Cursor } from './cursor.ts';
import { epochOf } from './cursor.ts';
import { Digest } from './digest.ts';

/** People who went out of her sight and are remembered, so that every client of hers learns it. */
const MAX_VANISHED = 1000;

export interface StreamOptions {
  readonly audience: Pick<Audience, 'watch'>;
  readonly clock: Clock;
}

/** What the observer was last shown of somebody, or of herself. */
export interface Entry {
  readonly person: Person;
  readonly face: Own | Shown;
  /** Position of the change that made it so. */
  readonly at: number;
}

/**
 * What one observer sees of her contacts and herself, by the order in which it changed. Nothing that is hidden from
 * her moves it (semantics §6).
 */
export class Stream implements Watcher, Disposable {
  readonly #clock: Clock;
  readonly #epoch: string;
  /** Least recently changed first. */
  readonly #log = new Map<PersonId, Entry>();
  readonly #digest: Digest;
  readonly #waiting = new Set<() => void>();
  #self: Person;
  #watch: Watch | null = null;
  #position = 0;
  #forgotten = 0;
  #ended = false;

  private constructor(self: Person, clock: Clock) {
    this.#self = self;
    this.#clock = clock;
    this.#digest = new Digest(self.id);
    this.#epoch = epochOf(self.id, clock.now());
  }

  /** Begins to follow what `self` sees. Errors as in the store. */
  static async open(self: Person, { audience, clock }: StreamOptions): Promise<Stream> {
    const stream = new Stream(self, clock);
    const watch = await audience.watch(self.id, stream);
    stream.#watch = watch;
    // What has changed since the watch was made is newer than its beginning.
    if (!stream.#log.has(self.id)) stream.#put(self, watch.own);
    for (const sighting of watch.sightings) {
      if (!stream.#log.has(sighting.person.id)) stream.sighted(sighting);
    }
    return stream;
  }

  /** Herself as the directory knows her now: a link may have changed her addresses. */
  meet(self: Person): void {
    if (self === this.#self) return; // as remembered, so that nothing has to be hashed anew
    this.#self = self;
    const entry = this.#log.get(self.id);
    if (entry) this.#set({ ...entry, person: self });
  }

  sighted({ person, shown }: Sighting): void {
    if (person.id === this.#self.id) return; // Her own entry tells her more.
    this.#put(person, shown);
    if (shown === NOTHING_SHOWN) this.#forgetVanished();
  }

  own(own: Own): void {
    const entry = this.#log.get(this.#self.id);
    if (entry && sameButActivity(entry.face, own)) this.#set({ ...entry, face: own });
    else this.#put(this.#self, own);
  }

  /** Whether nothing will ever change any more. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Of the newest change. */
  get position(): number {
    return this.#position;
  }

  /** Least recently changed first. */
  entries(): Entry[] {
    return [...this.#log.values()];
  }

  cursorAt(position: number): Cursor {
    const digest = position === this.#position ? String(this.#digest) : null;
    return { epoch: this.#epoch, position, digest };
  }

  /** Who may look otherwise than where a client has that digest from. */
  changesSince(digest: string): (entry: Entry) => boolean {
    return this.#digest.changesSince(digest);
  }

  /** The position a client has come to; null when it is of another stream, or lost. */
  locate({ epoch, position }: Cursor): number | null {
    const known = position >= this.#forgotten && position <= this.#position;
    return epoch === this.#epoch && known ? position : null;
  }

  /** Resolves at the next change, after `ms`, when the reader has gone, or when the stream ends. */
  async moved(ms: number, gone: AbortSignal): Promise<void> {
    if (this.#ended || gone.aborted) return;
    let wake = (): void => undefined;
    const woken = new Promise<void>((resolve) => (wake = resolve));
    const timer = this.#clock.after(ms, wake);
    this.#waiting.add(wake);
    gone.addEventListener('abort', wake);
    await woken;
    gone.removeEventListener('abort', wake);
    this.#waiting.delete(wake);
    timer[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#watch?.[Symbol.dispose]();
    this.#watch = null;
    this.#ended = true;
    this.#wake();
  }

  #put(person: Person, face: Own | Shown): void {
    const entry = { person, face, at: ++this.#position };
    this.#set(entry);
    this.#log.delete(person.id);
    this.#log.set(person.id, entry);
    this.#wake();
  }

  /** Replaces the entry of the same person where it is. */
  #set(entry: Entry): void {
    const before = this.#log.get(entry.person.id);
    if (before) this.#digest.toggle(before);
    this.#digest.toggle(entry);
    this.#log.set(entry.person.id, entry);
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }

  /** Only what she does to her own list can make so many; clients that have not heard of them start anew. */
  #forgetVanished(): void {
    const vanished = this.entries().filter(({ face }) => face === NOTHING_SHOWN);
    const [oldest] = vanished;
    if (!oldest || vanished.length <= MAX_VANISHED) return;
    this.#log.delete(oldest.person.id);
    this.#forgotten = oldest.at;
  }
}

/** A client need not be told that it was active itself: every sync would be answered by the next. */
function sameButActivity(a: Own, b: Own): boolean {
  return a.mode === b.mode && a.status?.text === b.status?.text && a.status?.emoji === b.status?.emoji;
}
