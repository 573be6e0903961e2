import { describe, expect, it } from 'vitest';
import { Metrics } from '../../src/metrics/metrics.ts';

describe('metrics', () => {
  it('come in all kinds, with and without labels', async () => {
    const metrics = new Metrics({ process: false });
    metrics.counter({ name: 'pushes_total', help: 'Pushes' }).inc();
    const failures = metrics.counter({ name: 'failures_total', help: 'Failures', labels: ['code'] });
    failures.inc({ code: 'a' });
    failures.inc({ code: 'a' });
    failures.inc({ code: 'b' });
    metrics.gauge({ name: 'up', help: 'Up' }).set(2);
    metrics.gauge({ name: 'lag_seconds', help: 'Lag', labels: ['side'] }).set(0.5, { side: 'left' });
    const buckets = [0.1, 1];
    metrics.histogram({ name: 'wait_seconds', help: 'Wait', buckets }).observe(0.5);
    metrics
      .histogram({ name: 'size_bytes', help: 'Size', buckets, labels: ['side'] })
      .observe(7, { side: 'left' });
    const lines = (await metrics.text()).split('\n').filter((line) => /^plexibridge_/.test(line));
    expect(lines).toEqual([
      'plexibridge_pushes_total 1',
      'plexibridge_failures_total{code="a"} 2',
      'plexibridge_failures_total{code="b"} 1',
      'plexibridge_up 2',
      'plexibridge_lag_seconds{side="left"} 0.5',
      'plexibridge_wait_seconds_bucket{le="0.1"} 0',
      'plexibridge_wait_seconds_bucket{le="1"} 1',
      'plexibridge_wait_seconds_bucket{le="+Inf"} 1',
      'plexibridge_wait_seconds_sum 0.5',
      'plexibridge_wait_seconds_count 1',
      'plexibridge_size_bytes_bucket{le="0.1",side="left"} 0',
      'plexibridge_size_bytes_bucket{le="1",side="left"} 0',
      'plexibridge_size_bytes_bucket{le="+Inf",side="left"} 1',
      'plexibridge_size_bytes_sum{side="left"} 7',
      'plexibridge_size_bytes_count{side="left"} 1',
    ]);
  });

  it('of the process tell nothing of how many connections there are', async () => {
    const text = await new Metrics({ process: true }).text();
    expect(text).toMatch(/^process_cpu_seconds_total /m);
    expect(text).toMatch(/^process_resident_memory_bytes /m);
    expect(text).not.toMatch(/open_fds|active_/);
  });

  it('have a name each', () => {
    const metrics = new Metrics({ process: false });
    metrics.gauge({ name: 'up', help: 'Up' });
    expect(() => metrics.gauge({ name: 'up', help: 'Up' })).toThrow(/already/);
  });
});
