import type { Metrics } from '../../../metrics/metrics.ts';

/** Bounds of how long a change takes, s. */
const TIMES = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** What the tally tells others than dashboards. */
export interface TallyMetrics {
  /** By mode. */
  counted(counts: Readonly<Record<string, number>>): void;
  /** A change took so long, ms. */
  told(ms: number): void;
}

export function tallyMetrics(metrics: Pick<Metrics, 'gauge' | 'histogram'>): TallyMetrics {
  const shown = metrics.gauge({
    name: 'people_shown',
    help: 'How many people are shown as what, offline aside; the same at every node',
    labels: ['mode'],
    workers: 'max',
  });
  const propagation = metrics.histogram({
    name: 'propagation_seconds',
    help: 'From a change that others may see to when it is durable and everybody who listens at this node is being told',
    buckets: TIMES,
  });
  return {
    counted: (counts) => {
      for (const [mode, count] of Object.entries(counts)) shown.set(count, { mode });
    },
    told: (ms) => propagation.observe(ms / 1000),
  };
}
