import type { Metrics } from '../../metrics/metrics.ts';

/**
 * What the feed tells of itself. Every commit of a hidden person goes through it, so nothing here counts commits or moves
 * with them (semantics §6): what is measured are rows that the bridge appends by the clock, and reads by the clock.
 */
export interface FeedMetrics {
  /** From append to read of a row that tells nothing, s. */
  delay(primary: string, seconds: number): void;
  /** At each tick of the clock: since the last complete read that a tick began, s. */
  age(primary: string, seconds: number): void;
  /** Something may have changed unheard. */
  lost(primary: string): void;
}

/** Nobody measures. */
export const UNMEASURED: FeedMetrics = {
  delay: () => undefined,
  age: () => undefined,
  lost: () => undefined,
};

/** Bounds of a delay, s: the everyday milliseconds, and up to what is not believed any more. */
const DELAYS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 3, 10];

export function feedMetrics(metrics: Metrics): FeedMetrics {
  const labels = ['primary'] as const;
  const delay = metrics.histogram({
    name: 'store_feed_delay_seconds',
    help: 'From a row that is appended every few seconds to its arrival at this node, by the clock of the database',
    buckets: DELAYS,
    labels,
  });
  const age = metrics.gauge({
    name: 'store_feed_age_seconds',
    help: 'Since this node last knew of everything that others had committed; about 1 when all is well',
    labels,
  });
  const losses = metrics.counter({
    name: 'store_feed_losses_total',
    help: 'Times when commits of others may have been missed, so that everything shown was read again',
    labels,
  });
  return {
    delay: (primary, seconds) => delay.observe(seconds, { primary }),
    age: (primary, seconds) => age.set(seconds, { primary }),
    lost: (primary) => losses.inc({ primary }),
  };
}
