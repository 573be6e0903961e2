import { Backoff } from '../../src/connectors/backoff.ts';
import { Budget } from '../../src/connectors/budget.ts';
import type { PushEvent, PushQueueOptions, SendResult } from '../../src/connectors/push-queue.ts';
import { PushQueue } from '../../src/connectors/push-queue.ts';
import { settled } from '../helpers/settled.ts';
import { WatchedClock } from './watched-clock.ts';

export const DONE: SendResult = { done: true };

/** A push queue whose sends end when the test says so. Items are named like their key, then a number: `a1`. */
export class Pushes {
  readonly clock = new WatchedClock();
  /** Items in the order in which their sends began. */
  readonly begun: string[] = [];
  readonly events: PushEvent[] = [];
  readonly reports: [string, unknown][] = [];
  readonly budget: Budget;
  readonly queue: PushQueue<string, string>;
  readonly #running = new Map<string, { resolve(result: SendResult): void; reject(error: Error): void }>();

  constructor(options: Partial<PushQueueOptions<string, string>> & { perSecond?: number } = {}) {
    const { clock } = this;
    this.budget = new Budget({
      windows: [{ limit: options.perSecond ?? 1000, windowMs: 1000 }],
      maxWaiting: 100,
      clock,
    });
    this.queue = new PushQueue<string, string>({
      clock,
      budget: this.budget,
      concurrency: 2,
      backoff: () => new Backoff({ firstMs: 100, maxMs: 1000, random: () => 0.5 }),
      send: (key, item) => this.#send(key, item),
      report: (problem, error) => this.reports.push([problem, error]),
      observe: (event) => this.events.push(event),
      ...options,
    });
  }

  /** Items whose send runs. */
  get running(): string[] {
    return [...this.#running.keys()];
  }

  async put(...items: string[]): Promise<void> {
    for (const item of items) this.queue.put(item.slice(0, 1), item);
    await settled();
  }

  async end(item: string, result: SendResult | Error = DONE): Promise<void> {
    const running = this.#running.get(item);
    if (!running) throw new Error(`${item} is not being sent`);
    this.#running.delete(item);
    if (result instanceof Error) running.reject(result);
    else running.resolve(result);
    await settled();
  }

  async fail(item: string, retryInMs = 0): Promise<void> {
    await this.end(item, { done: false, retryInMs });
  }

  async advance(ms: number): Promise<void> {
    this.clock.advance(ms);
    await settled();
  }

  #send(key: string, item: string): Promise<SendResult> {
    if (this.running.some((other) => other.startsWith(key))) throw new Error(`two sends of ${key}`);
    this.begun.push(item);
    return new Promise((resolve, reject) => this.#running.set(item, { resolve, reject }));
  }
}
