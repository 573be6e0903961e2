import { expect, it } from 'vitest';
import type { Primary } from '../../../src/stores/postgres/primary.ts';
import { SharedBuckets } from '../../../src/stores/postgres/shared-buckets.ts';
import { describePostgres } from './binaries.ts';
import { queryAt, useServer } from './cluster.ts';
import { newHome as homeAt } from './stores.ts';

const LIMITS = { burst: 10, perSecond: 0.001 };

describePostgres('buckets that nodes share', () => {
  const server = useServer();
  const newHome = () => homeAt(server());

  const make = (home: Primary, limits = LIMITS, kind = 'writes') =>
    new SharedBuckets({ kind, limits, home, queueLimit: 1000 });

  it('are one budget, to the last take', async () => {
    const { home } = await newHome();
    const [a, b] = [make(home), make(home)];
    const states = await Promise.all(Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? a : b).take('ann')));
    expect(states.filter(({ allowed }) => allowed)).toHaveLength(10);
    const remaining = states.filter(({ allowed }) => allowed).map((state) => state.remaining);
    expect(remaining.sort((x, y) => x - y)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  it('tell what is left, and when there is more', async () => {
    const { home } = await newHome();
    const buckets = make(home, { burst: 2, perSecond: 0.01 });
    expect(await buckets.take('ann')).toMatchObject({
      allowed: true,
      limit: 2,
      remaining: 1,
      retryAfterMs: 0,
    });
    await buckets.take('ann');
    const refused = await buckets.take('ann');
    expect(refused).toMatchObject({ allowed: false, limit: 2, remaining: 0 });
    expect(refused.retryAfterMs).toBeGreaterThan(90_000);
    expect(refused.retryAfterMs).toBeLessThanOrEqual(100_000);
    expect(refused.resetAfterMs).toBeGreaterThan(190_000);
  });

  it('are apart for each key and each kind, and keep no key in clear', async () => {
    const { url, home } = await newHome();
    const once = { burst: 1, perSecond: 0.001 };
    const [writes, failures] = [make(home, once), make(home, once, 'failed-auth')];
    for (const take of [writes.take('192.0.2.1'), writes.take('192.0.2.2'), failures.take('192.0.2.1')])
      expect(await take).toMatchObject({ allowed: true });
    expect(await writes.take('192.0.2.1')).toMatchObject({ allowed: false });
    expect(JSON.stringify(await queryAt(url, 'SELECT * FROM plexibridge.buckets'))).not.toContain('192.0');
  });

  it('fill again by the clock of the server, and a refused take costs nothing', async () => {
    const { url, home } = await newHome();
    const buckets = make(home, { burst: 2, perSecond: 0.01 });
    for (let i = 0; i < 50; i++) await buckets.take('ann');
    await queryAt(url, `UPDATE plexibridge.buckets SET at = at - interval '100 seconds'`);
    const states = [await buckets.take('ann'), await buckets.take('ann')];
    expect(states.map(({ allowed }) => allowed)).toEqual([true, false]);
  });

  it('are forgotten once they are full again, and no sooner', async () => {
    const { url, home } = await newHome();
    const buckets = make(home, { burst: 2, perSecond: 0.01 });
    await Promise.all([buckets.take('ann'), buckets.take('bob')]);
    const count = async () =>
      Number((await queryAt(url, 'SELECT count(*) FROM plexibridge.buckets'))[0].count);
    await queryAt(
      url,
      `UPDATE plexibridge.buckets SET at = at - interval '201 seconds'
       WHERE key = (SELECT min(key) FROM plexibridge.buckets)`,
    );
    await buckets.purge();
    expect(await count()).toBe(1);
  });
});
