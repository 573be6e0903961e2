import cluster from 'node:cluster';
import {
  collectDefaultMetrics,
  Counter as PromCounter,
  Gauge as PromGauge,
  Histogram as PromHistogram,
  Registry,
} from 'prom-client';
import { metricsOfAllWorkers } from './workers.ts';

/** Of everything that is the bridge's own. */
const PREFIX = 'plexibridge_';

/**
 * Each of them counts sockets or requests, and so the connections of people whom others believe to be away
 * (semantics §6). CPU, memory and pauses are left: they tell of nobody in particular.
 */
const SOCKET_COUNTS = [
  'process_open_fds',
  'nodejs_active_handles',
  'nodejs_active_handles_total',
  'nodejs_active_requests',
  'nodejs_active_requests_total',
  'nodejs_active_resources',
  'nodejs_active_resources_total',
];

type Labels<Label extends string> = Readonly<Record<Label, string>>;

/** Only ever grows. */
export interface Counter<Label extends string = never> {
  inc(labels?: Labels<Label>): void;
}

export interface Gauge<Label extends string = never> {
  set(value: number, labels?: Labels<Label>): void;
}

export interface Histogram<Label extends string = never> {
  observe(value: number, labels?: Labels<Label>): void;
}

export interface Description<Label extends string, Name extends string = string> {
  /** Without the prefix; a quantity ends with its base unit, such as `_seconds` or `_bytes`. */
  readonly name: Name;
  readonly help: string;
  readonly labels?: readonly Label[];
  /** What the values of several workers come to; their sum by default. */
  readonly workers?: 'sum' | 'max' | 'min';
}

/**
 * What one bridge tells of its work, in the form of Prometheus. Others read it, so nothing that somebody does while
 * others believe her to be away may move any of it (semantics §6).
 */
export class Metrics {
  readonly #registry = new Registry();
  readonly #gather: () => Promise<string>;

  /** `process` adds what the process itself uses; its observers then live as long as the process. */
  constructor({ process }: { readonly process: boolean }) {
    this.#gather = cluster.isWorker ? metricsOfAllWorkers(this.#registry) : () => this.#registry.metrics();
    if (!process) return;
    collectDefaultMetrics({ register: this.#registry });
    for (const name of SOCKET_COUNTS) this.#registry.removeSingleMetric(name);
  }

  /** Throws when the name is taken; so do the others. */
  counter<Label extends string = never>(what: Description<Label, `${string}_total`>): Counter<Label> {
    const counter = new PromCounter<Label>(this.#configured(what));
    return { inc: (labels) => (labels ? counter.inc(labels) : counter.inc()) };
  }

  gauge<Label extends string = never>(what: Description<Label>): Gauge<Label> {
    const gauge = new PromGauge<Label>(this.#configured(what));
    return { set: (value, labels) => (labels ? gauge.set(labels, value) : gauge.set(value)) };
  }

  /** `buckets` are upper bounds, ascending, in the unit of the metric. */
  histogram<Label extends string = never>(
    what: Description<Label> & { readonly buckets: readonly number[] },
  ): Histogram<Label> {
    const buckets = [...what.buckets];
    const histogram = new PromHistogram<Label>({ ...this.#configured(what), buckets });
    return {
      observe: (value, labels) => (labels ? histogram.observe(labels, value) : histogram.observe(value)),
    };
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Everything as it is now, in all workers behind the same port. */
  async text(): Promise<string> {
    return this.#gather();
  }

  #configured<Label extends string>({ name, help, labels = [], workers = 'sum' }: Description<Label>) {
    const registers = [this.#registry];
    return { name: PREFIX + name, help, labelNames: [...labels], registers, aggregator: workers };
  }
}
