import type { Clock } from '../../presence/clock.ts';
import type { Backoff } from '../backoff.ts';
import type { Side } from '../side.ts';
import { faultKind, retryAfterOf } from './fault-kinds.ts';
import type { PlexichatFaultKind } from './fault.ts';

export interface ProbeOptions {
  /** Asks the server for something public. */
  readonly ask: () => Promise<unknown>;
  readonly side: Pick<Side, 'up' | 'down'>;
  readonly clock: Clock;
  readonly backoff: Backoff;
}

/** Finds out whether the server is there, where no gateway tells: asks until it is answered, and again after trouble. */
export class Probe implements Disposable {
  readonly #options: ProbeOptions;
  #timer: Disposable | null = null;

  constructor(options: ProbeOptions) {
    this.#options = options;
  }

  start(): void {
    const { ask, side, backoff } = this.#options;
    this.#timer = null;
    ask().then(
      () => {
        backoff.reset();
        side.up();
      },
      (error: unknown) => {
        const kind = faultKind(error);
        if (kind !== null) this.#isGone(kind, retryAfterOf(error));
      },
    );
  }

  /** A request came to nothing. */
  failed(kind: PlexichatFaultKind | null): void {
    if (kind === 'unavailable' || kind === 'garbage') this.#isGone(kind, null);
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = null;
  }

  #isGone(kind: PlexichatFaultKind, retryAfterMs: number | null): void {
    const { side, clock, backoff } = this.#options;
    side.down(kind);
    this.#timer ??= clock.after(backoff.next(retryAfterMs), () => this.start());
  }
}
