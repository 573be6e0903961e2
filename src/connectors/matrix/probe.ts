import type { Clock } from '../../presence/clock.ts';
import { Backoff } from '../backoff.ts';
import type { Side } from '../side.ts';
import type { Capabilities, Homeserver } from './homeserver.ts';
import { HomeserverFault } from './homeserver-fault.ts';

/** Between looks at a homeserver that is up, ms. */
const EVERY_MS = 30_000;
/** Between looks at one that does not accept the bridge, ms: only its operator can change that. */
const REFUSED_EVERY_MS = 300_000;
/** Between looks at one that is down, ms. */
const BACKOFF = { firstMs: 1000, maxMs: 60_000 };
/** Signs of trouble or life lead to a look, but no two looks come closer together than this, ms. */
const LEAST_MS = 1000;

export interface ProbeOptions {
  readonly homeserver: Pick<Homeserver, 'versions' | 'whoami'>;
  readonly side: Pick<Side, 'up' | 'down' | 'refused' | 'health'>;
  /** The bridge's own user there. */
  readonly senderId: string;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  /** Told of each good answer before the side is up. Must not throw. */
  readonly onAnswer: (capabilities: Capabilities) => void;
  readonly report: (problem: string, error: unknown) => void;
}

/** Looks again and again whether the homeserver is there and knows the bridge. */
export class Probe implements AsyncDisposable {
  readonly #options: ProbeOptions;
  readonly #backoff: Backoff;
  #running: Promise<void> | null = null;
  #timer: Disposable | null = null;
  #lookedAt = -Infinity;
  #disposed = false;

  constructor(options: ProbeOptions) {
    this.#options = options;
    this.#backoff = new Backoff({ ...BACKOFF, random: options.random });
  }

  /** Something was seen that makes a look worthwhile, now or in a moment. */
  soon(): void {
    if (this.#disposed || this.#running) return;
    this.#lookIn(Math.max(0, this.#lookedAt + LEAST_MS - this.#options.clock.now()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    this.#timer?.[Symbol.dispose]();
    await this.#running;
  }

  #lookIn(ms: number): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = null;
    if (this.#disposed) return;
    if (ms > 0) this.#timer = this.#options.clock.after(ms, () => this.#start());
    else this.#start();
  }

  #start(): void {
    this.#running ??= this.#look().then((waitMs) => {
      this.#running = null;
      this.#lookIn(waitMs);
    });
  }

  /** Never throws. How long it has time until the next look, ms. */
  async #look(): Promise<number> {
    const { homeserver, senderId, side, clock, onAnswer, report } = this.#options;
    this.#lookedAt = clock.now();
    try {
      const capabilities = await homeserver.versions();
      const userId = await homeserver.whoami();
      if (this.#disposed) return EVERY_MS;
      if (userId !== senderId) return this.#refuse('its registration names another user as the sender');
      onAnswer(capabilities);
      this.#backoff.reset();
      side.up();
      return EVERY_MS;
    } catch (error) {
      if (this.#disposed) return EVERY_MS;
      if (error instanceof HomeserverFault) return this.#fail(error);
      report('the homeserver could not be looked at', error);
      return this.#backoff.next();
    }
  }

  #fail(fault: HomeserverFault): number {
    const { side } = this.#options;
    if (fault.kind === 'unknown_token' || fault.kind === 'forbidden') {
      return this.#refuse('it does not know the as_token of the registration');
    }
    // Whoever limits the rate is there.
    if (fault.kind !== 'rate_limited' || side.health().state !== 'up') side.down(fault.reason);
    return this.#backoff.next(fault.retryAfterMs);
  }

  #refuse(reason: string): number {
    this.#options.side.refused(reason);
    return REFUSED_EVERY_MS;
  }
}
