import type { Clock } from '../presence/clock.ts';
import type { NetworkName } from '../presence/identity.ts';
import type { PresenceService, Report } from '../presence/service.ts';
import type { Side } from './side.ts';

export interface LeasesOptions {
  readonly presence: Pick<PresenceService, 'fed' | 'extendFeed'>;
  readonly network: NetworkName;
  readonly side: Pick<Side, 'health' | 'subscribe'>;
  readonly clock: Clock;
  /** How long people are believed to be as they were once the server is silent, ms. */
  readonly believedMs: number;
  readonly report: Report;
}

/** How long a word said at `now` is believed, ms since 1970. */
export function leaseEnd(now: number, believedMs: number): number {
  return now + Math.ceil(1.5 * believedMs);
}

/** Feeds renewed at a time. */
const AT_ONCE = 64;

/**
 * Keeps what a network's server said believed while it can be reached, since it speaks only of changes. Whenever it falls
 * silent its last words hold for `believedMs` at least, and for half as long again at most.
 */
export class Leases implements AsyncDisposable {
  readonly #options: LeasesOptions;
  readonly #unsubscribe: () => void;
  #timer: Disposable | null = null;
  #round: Promise<void> = Promise.resolve();
  #ended = false;

  constructor(options: LeasesOptions) {
    this.#options = options;
    this.#unsubscribe = options.side.subscribe(() => this.#renewSoon());
    this.#wait();
  }

  /** How long a word of now is believed, ms since 1970. */
  endsAt(): number {
    return leaseEnd(this.#options.clock.now(), this.#options.believedMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    this.#unsubscribe();
    this.#timer?.[Symbol.dispose]();
    await this.#round;
  }

  #wait(): void {
    const { clock, believedMs } = this.#options;
    this.#timer = clock.after(believedMs / 4, () => {
      this.#renewSoon();
      this.#wait();
    });
  }

  /** Rounds do not pile up: one that is asked for while another runs follows it. */
  #renewSoon(): void {
    this.#round = this.#round
      .then(() => this.#renew())
      .catch((error: unknown) => this.#options.report('people could not be kept as they are', error));
  }

  async #renew(): Promise<void> {
    const { presence, network, clock, believedMs } = this.#options;
    let batch: Promise<void>[] = [];
    for await (const { person, endsAt } of presence.fed(network)) {
      if (this.#ended || this.#options.side.health().state !== 'up') break;
      if (endsAt > clock.now() + 1.25 * believedMs) continue;
      batch.push(presence.extendFeed(person, network, this.endsAt()));
      if (batch.length < AT_ONCE) continue;
      await Promise.all(batch);
      batch = [];
    }
    await Promise.all(batch);
  }
}
