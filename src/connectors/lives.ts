import type { Clock } from '../presence/clock.ts';
import type { Connector, ConnectorHealth } from './connector.ts';
import type { ConnectorMetrics } from './metrics.ts';

export interface LivesOptions<Life extends Connector> {
  /** As operators know the server. */
  readonly name: string;
  readonly clock: Pick<Clock, 'now'>;
  readonly metrics: Pick<ConnectorMetrics, 'up' | 'backlog'>;
  /** A connector that was never started. */
  readonly make: () => Life;
}

/**
 * A connector that may be started and ended any number of times, since another process may do its work meanwhile. Each life is
 * made anew and remembers nothing of the one before. Two never overlap.
 */
export class Lives<Life extends Connector> implements Connector {
  readonly #options: LivesOptions<Life>;
  #current: Life | null = null;
  #wanted = false;
  #ending: Promise<void> | null = null;
  /** When the last one ended, ms since 1970. */
  #since: number;

  constructor(options: LivesOptions<Life>) {
    this.#options = options;
    this.#since = options.clock.now();
  }

  /** Null while it is not started. */
  get current(): Life | null {
    return this.#current;
  }

  /** While one is still ending the next begins after it. */
  start(): void {
    this.#wanted = true;
    if (!this.#ending) this.#begin();
  }

  health(): ConnectorHealth {
    const { name } = this.#options;
    const idle = {
      name,
      state: 'starting',
      since: this.#since,
      reason: null,
      backlog: 0,
      warnings: [],
    } as const;
    return this.#current?.health() ?? idle;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#wanted = false;
    this.#ending ??= this.#end();
    await this.#ending;
  }

  #begin(): void {
    if (this.#current) return;
    this.#current = this.#options.make();
    this.#current.start();
  }

  async #end(): Promise<void> {
    const life = this.#current;
    this.#current = null;
    try {
      await life?.[Symbol.asyncDispose]();
    } finally {
      this.#ending = null;
      this.#since = this.#options.clock.now();
      if (life) this.#rest();
    }
    if (this.#wanted) this.#begin();
  }

  /** What the life last said of itself holds no more. */
  #rest(): void {
    const { metrics } = this.#options;
    metrics.up(false);
    metrics.backlog(0);
  }
}
