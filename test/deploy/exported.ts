import { buildApp, settingsSchema } from '../../src/app.ts';
import type { Counter, Description, Gauge, Histogram } from '../../src/metrics/metrics.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import { MemoryStore } from '../../src/stores/memory/memory-store.ts';
import { feedMetrics } from '../../src/stores/postgres/metrics.ts';
import { probeStore } from '../../src/stores/probe.ts';
import { countingSecrets } from '../helpers/bridge.ts';
import { ManualClock } from '../helpers/clock.ts';
import { silentLogger } from '../helpers/logger.ts';

export interface Exported {
  readonly labels: readonly string[];
  readonly help: string;
}

/** Remembers what is registered, since the text tells no labels of what has no value yet. */
class RecordingMetrics extends Metrics {
  readonly own = new Map<string, Exported>();

  override counter<Label extends string = never>(
    what: Description<Label, `${string}_total`>,
  ): Counter<Label> {
    this.#note(what, '');
    return super.counter(what);
  }

  override gauge<Label extends string = never>(what: Description<Label>): Gauge<Label> {
    this.#note(what, '');
    return super.gauge(what);
  }

  override histogram<Label extends string = never>(
    what: Description<Label> & { readonly buckets: readonly number[] },
  ): Histogram<Label> {
    this.#note({ ...what, labels: [...(what.labels ?? []), 'le'] }, '_bucket');
    this.#note(what, '_sum');
    this.#note(what, '_count');
    return super.histogram(what);
  }

  #note({ name, help, labels = [] }: Description<string>, suffix: string): void {
    this.own.set(`plexibridge_${name}${suffix}`, { labels, help });
  }
}

export interface ExportedMetrics {
  /** The bridge's own, by name. */
  readonly own: ReadonlyMap<string, Exported>;
  /** All of a running node over PostgreSQL beside real servers, with those of the process. */
  readonly all: ReadonlyMap<string, Exported>;
}

export async function exportedMetrics(): Promise<ExportedMetrics> {
  const metrics = new RecordingMetrics({ process: true });
  const clock = new ManualClock();
  const store = new MemoryStore();
  feedMetrics(metrics);
  const probe = probeStore({ store, clock, metrics });
  const settings = settingsSchema.parse({ samples: false });
  const { http } = await buildApp({
    settings,
    store,
    clock,
    secrets: countingSecrets(),
    logger: silentLogger,
    metrics,
  });
  const text = await metrics.text();
  await http.close();
  await probe[Symbol.asyncDispose]();
  return { own: metrics.own, all: new Map([...ofProcess(text), ...metrics.own]) };
}

function ofProcess(text: string): [string, Exported][] {
  const types = [...text.matchAll(/^# TYPE ((?:process|nodejs)_\w+) (\w+)$/gm)];
  return types.flatMap(([, name = '', type]) => {
    const suffixes = type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''];
    return suffixes.map((suffix): [string, Exported] => [name + suffix, { labels: [], help: '' }]);
  });
}
