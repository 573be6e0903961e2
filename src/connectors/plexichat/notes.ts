import type { Feed, Mode, SeenStatus } from '../../presence/record.ts';
import type { ServerState } from './authorship.ts';
import { sameWord } from './authorship.ts';
import type { Wanted } from './wanted.ts';

/** How somebody is elsewhere, and what status the server itself has told. */
export interface Look {
  readonly elsewhere: Wanted;
  readonly told: SeenStatus | null;
}

/** What the pusher remembers of one person, for as long as the process runs. Events are put in order by counting. */
export class Note {
  /** How she was at the last look; null before the first. */
  looked: Look | null = null;
  /** The status last written there, while what the bridge wrote stands; the server's own reading may be one behind. */
  sent: SeenStatus | null = null;
  /** When she was last read, ms since 1970. */
  readAt = -Infinity;
  /** When her other networks last changed, unless that is done with. */
  #change: number | null = null;
  /** Her last word there that was heard and not yet read. */
  #word: { readonly mode: Mode; readonly at: number } | null = null;
  #seenAt: number | null | undefined = undefined;
  /** Her own word as it was last read. */
  #hers: Mode | null = null;
  #count = 0;

  /** Her other networks show something else: that is to be written. */
  changed(): void {
    this.#change = ++this.#count;
  }

  /** She herself said something there. */
  said(mode: Mode): void {
    this.#word = { mode, at: ++this.#count };
  }

  get isOwed(): boolean {
    return this.#change !== null;
  }

  /** How far things have gone, for `isNews`, `read` and `done`. */
  get now(): number {
    return this.#count;
  }

  /** Whether a word of her own, found there, is newer than the change that is to be written. */
  isNews(before: Feed | null, state: ServerState): boolean {
    if (!sameWord(state.mode, this.#word?.mode ?? this.#hers ?? before?.mode ?? 'offline')) return true;
    return this.#word !== null && this.#word.at > (this.#change ?? 0) && state.seenAt !== this.#seenAt;
  }

  /** The server was read, and what was heard up to `count` is in it. */
  read({ mode, seenAt }: ServerState, ours: boolean, count: number): void {
    this.#seenAt = seenAt;
    if (!ours) this.#hers = mode;
    if (this.#word && this.#word.at <= count) this.#word = null;
  }

  /** The changes up to `count` are written, or overtaken by her own word. */
  done(count: number): void {
    if (this.#change !== null && this.#change <= count) this.#change = null;
  }
}
