import type { Clock } from '../../presence/clock.ts';
import type { Mode, SeenStatus } from '../../presence/record.ts';
import { sameWord } from './authorship.ts';

/** How long after its reply the echo of a write may come, ms. */
const ECHO_LASTS_MS = 10_000;
/** How long after that it may still come, since a session that is resumed replays what it missed, ms. */
const LATE_LASTS_MS = 60_000;
/** Writes of one person whose echo is awaited. */
const MAX_AWAITED = 4;

interface Awaited {
  readonly mode: Mode;
  /** What the write said of the status; null when it said nothing. */
  readonly status: SeenStatus | null;
  /** Milliseconds since 1970; Infinity while the write is under way. */
  until: number;
}

/** `late`: it may be an echo as well as a word of hers. */
export type Author = 'bridge' | 'late' | 'hers';

/** Knows the events that only repeat what the bridge wrote. The event may come before the reply of the write. */
export class Echoes {
  readonly #clock: Clock;
  readonly #awaited = new Map<string, Awaited[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Call before the write, and the result once it is answered or given up. */
  expect(userId: string, mode: Mode, status: SeenStatus | null): () => void {
    this.#forgetOld();
    const echo: Awaited = { mode, status, until: Infinity };
    const others = this.#awaited.get(userId) ?? [];
    this.#awaited.delete(userId);
    this.#awaited.set(userId, [...others, echo].slice(-MAX_AWAITED));
    return () => {
      echo.until = this.#clock.now() + ECHO_LASTS_MS;
    };
  }

  /** Whose word an event is; the bridge's once of each write. */
  take(userId: string, mode: Mode, status?: SeenStatus): Author {
    const now = this.#clock.now();
    const awaited = (this.#awaited.get(userId) ?? []).filter((each) => isAwaited(each, now));
    const repeated = awaited.filter((each) => sameWord(each.mode, mode) && couldSay(each.status, status));
    const echo = repeated.find(({ until }) => now < until) ?? repeated[0];
    const left = awaited.filter((each) => each !== echo);
    if (left.length > 0) this.#awaited.set(userId, left);
    else this.#awaited.delete(userId);
    if (!echo) return 'hers';
    return now < echo.until ? 'bridge' : 'late';
  }

  #forgetOld(): void {
    const now = this.#clock.now();
    for (const [userId, awaited] of this.#awaited) {
      if (awaited.some((each) => isAwaited(each, now))) return;
      this.#awaited.delete(userId);
    }
  }
}

function isAwaited({ until }: Awaited, now: number): boolean {
  return now < until + LATE_LASTS_MS;
}

/** An event without a status says nothing of it; with one it repeats the write word for word. */
function couldSay(written: SeenStatus | null, said: SeenStatus | undefined): boolean {
  if (!said || (said.text === null && said.emoji === null)) return true;
  return written !== null && said.text === written.text && said.emoji === written.emoji;
}
