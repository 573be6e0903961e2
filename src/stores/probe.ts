import type { Metrics } from '../metrics/metrics.ts';
import type { Clock } from '../presence/clock.ts';
import type { Directory } from '../presence/directory.ts';
import { OWN_KEYS } from './transfer/progress.ts';

/** From the end of one probe to the next, ms. */
export const PROBE_EVERY_MS = 15_000;
/** Of this store alone, and so not taken along to another. */
const KEY = `${OWN_KEYS}probe`;
/** Bounds of a commit, s: from a good disk to what people notice. */
const BUCKETS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export interface ProbeOptions {
  readonly store: Pick<Directory, 'commit'>;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, 'histogram' | 'counter'>;
}

/**
 * Measures how long a commit takes, by one of its own that tells nothing: real ones are also of people whom nobody may see
 * act, and so neither counted nor timed (semantics §6). Disposed, it ends once the commit under way has.
 */
export function probeStore({ store, clock, metrics }: ProbeOptions): AsyncDisposable {
  const duration = metrics.histogram({
    name: 'store_commit_duration_seconds',
    help: 'How long a durable commit takes, by one that is made every 15 s for this',
    buckets: BUCKETS,
  });
  const failures = metrics.counter({
    name: 'store_commit_failures_total',
    help: 'Commits of those that are made every 15 s that the store refused',
  });
  let under = Promise.resolve();
  const wait = () => clock.after(PROBE_EVERY_MS, () => void (under = probe()));
  let timer = wait();
  let ended = false;

  async function probe(): Promise<void> {
    const begun = clock.now();
    try {
      await store.commit([{ row: 'meta', key: KEY, value: String(begun) }]);
      duration.observe((clock.now() - begun) / 1000);
    } catch {
      // The store itself says in the log what is wrong.
      failures.inc();
    }
    if (!ended) timer = wait();
  }

  return {
    [Symbol.asyncDispose]: async () => {
      ended = true;
      timer[Symbol.dispose]();
      await under;
    },
  };
}
