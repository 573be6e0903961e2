import type { Clock } from '../../presence/clock.ts';

/** How long presence has to be written without coming back before that means something, ms. */
const LONG_ENOUGH_MS = 120_000;
/** How many changes at least. */
const MANY_ENOUGH = 3;

const WARNING =
  'the homeserver does not deliver presence to application services: ' +
  'check receive_ephemeral and de.sorunome.msc2409.push_ephemeral in its registration';

export interface DeliveryWatchOptions {
  readonly clock: Clock;
  readonly logger: { warn(details: object, message: string): void };
}

/** Notices homeservers that take presence and never tell of any: they would show the bridge its own stand-ins at least. */
export class DeliveryWatch implements Disposable {
  readonly #options: DeliveryWatchOptions;
  #firstAt: number | null = null;
  #changes = 0;
  #delivered = false;
  #missing = false;
  #timer: Disposable | null = null;

  constructor(options: DeliveryWatchOptions) {
    this.#options = options;
  }

  /** What an operator should know; null when all is well, or nothing can be said yet. */
  get warning(): string | null {
    return this.#missing ? WARNING : null;
  }

  /** The homeserver took another state of a stand-in than it had. */
  written(): void {
    const { clock } = this.#options;
    this.#changes++;
    if (this.#firstAt === null) {
      this.#firstAt = clock.now();
      this.#timer = clock.after(LONG_ENOUGH_MS, () => this.#judge());
    }
    this.#judge();
  }

  /** The homeserver told of presence. */
  delivered(): void {
    this.#delivered = true;
    this.#missing = false;
    this[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = null;
  }

  #judge(): void {
    const { clock, logger } = this.#options;
    if (this.#delivered || this.#missing || this.#firstAt === null || this.#changes < MANY_ENOUGH) return;
    if (clock.now() - this.#firstAt < LONG_ENOUGH_MS) return;
    this.#missing = true;
    logger.warn({}, WARNING);
  }
}
