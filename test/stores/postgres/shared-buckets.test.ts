import { expect, it } from 'vitest';
import type { SharedBuckets } from '../../../src/stores/postgres/shared-buckets.ts';
import { describePostgres } from './binaries.ts';
import { queryAt, until, useServer } from './cluster.ts';
import { openNode } from './stores.ts';
import { Wire } from './wire.ts';

/** So slow that no test sees a take more. */
const NEVER = 1e-6;

describePostgres('rate limits that nodes share', () => {
  const server = useServer();

  async function two(limits: { burst: number; perSecond: number }) {
    const url = await server().newDatabase();
    const nodes = [await openNode([url]), await openNode([url])];
    const [a, b] = nodes.map((node) => node.buckets('writes', limits)) as [SharedBuckets, SharedBuckets];
    return { url, nodes, a, b };
  }
  const granted = async (takes: readonly ReturnType<SharedBuckets['take']>[]) =>
    (await Promise.all(takes)).filter(({ allowed }) => allowed).length;
  /** As if so much time had passed since every take. */
  const age = (url: string, seconds: number) =>
    queryAt(url, `UPDATE plexibridge.buckets SET at = at - make_interval(secs => ${seconds})`);

  it('however many are taken at once, on whatever nodes: as many are granted as there are', async () => {
    const { a, b } = await two({ burst: 50, perSecond: NEVER });
    const takes = Array.from({ length: 200 }, (_, index) => (index % 2 ? a : b).take('alice'));
    const others = Array.from({ length: 20 }, (_, index) => (index % 2 ? a : b).take(`other-${index % 3}`));
    expect(await granted(takes)).toBe(50);
    expect(await granted(others)).toBe(20);
    expect(await granted([a.take('alice'), b.take('alice')])).toBe(0);
  });

  it('many keys at once, in any order on either node, do not get in the way of each other', async () => {
    const { a, b } = await two({ burst: 3, perSecond: NEVER });
    const keys = Array.from({ length: 200 }, (_, index) => `key-${index}`);
    const backwards = keys.toReversed();
    for (let round = 0; round < 12; round++) {
      const takes = [...keys.map((key) => a.take(key)), ...backwards.map((key) => b.take(key))];
      await Promise.all(takes); // none of which is refused by the database
    }
    expect(await granted(keys.map((key) => a.take(key)))).toBe(0);
  });

  it('tells what is left and when there is more', async () => {
    const { url, a, b } = await two({ burst: 3, perSecond: 0.001 });
    const states = await Promise.all([a.take('alice'), a.take('alice')]); // in one statement
    expect(states).toMatchObject([
      { allowed: true, limit: 3, remaining: 2, retryAfterMs: 0 },
      { allowed: true, limit: 3, remaining: 1, retryAfterMs: 0 },
    ]);
    const near = (ms: number) => ({ asymmetricMatch: (value: number) => Math.abs(value - ms) < 30_000 });
    expect(states.map(({ resetAfterMs }) => resetAfterMs)).toEqual([near(1_000_000), near(2_000_000)]);
    const last = await b.take('alice');
    expect(last).toEqual({
      allowed: true,
      limit: 3,
      remaining: 0,
      resetAfterMs: near(3_000_000),
      retryAfterMs: near(1_000_000),
    });
    await age(url, 400);
    expect((await a.take('alice')).retryAfterMs).toEqual(near(600_000));
  });

  it('fills by the time of the database, up to the brim', async () => {
    const { url, a, b } = await two({ burst: 10, perSecond: 0.01 });
    const ten = (buckets: SharedBuckets) => Array.from({ length: 10 }, () => buckets.take('alice'));
    expect(await granted(ten(a))).toBe(10);
    await age(url, 290);
    expect(await granted(ten(b))).toBe(2);
    await age(url, 11); // with what was left over before
    expect(await granted(ten(a))).toBe(1);
    await age(url, 1e9);
    expect(await granted([...ten(a), ...ten(b)])).toBe(10);
  });

  it('a clock that is put back and forth gives nothing, and takes nothing', async () => {
    const { url, a, b } = await two({ burst: 10, perSecond: 0.01 });
    const takes = (count: number) =>
      Array.from({ length: count }, (_, index) => (index % 2 ? a : b).take('alice'));
    expect(await granted(takes(5))).toBe(5);
    await age(url, -10_000);
    expect(await granted(takes(2))).toBe(2);
    await age(url, 10_000);
    expect(await granted(takes(10))).toBe(3);
  });

  it('a take that is refused costs nothing', async () => {
    const { url, a, b } = await two({ burst: 1, perSecond: 0.01 });
    await a.take('alice');
    for (let count = 0; count < 5; count++) expect((await b.take('alice')).allowed).toBe(false);
    await age(url, 101);
    expect((await a.take('alice')).allowed).toBe(true);
  });

  it('limits of different names are apart, and each by its own measure', async () => {
    const { nodes, a } = await two({ burst: 1, perSecond: NEVER });
    const other = nodes[1]!.buckets('failures', { burst: 2, perSecond: NEVER });
    expect(await granted([a.take('alice'), a.take('alice')])).toBe(1);
    expect(await granted([other.take('alice'), other.take('alice'), other.take('alice')])).toBe(2);
  });

  it('no key is to be read in the database', async () => {
    const { url, a } = await two({ burst: 1, perSecond: NEVER });
    await a.take('192.0.2.1');
    const rows = await queryAt(url, 'SELECT * FROM plexibridge.buckets');
    expect(rows).toHaveLength(1);
    expect(JSON.stringify(rows)).not.toContain('192');
  });

  it('forgets those that are full again, and no others', async () => {
    const { url, nodes, a } = await two({ burst: 10, perSecond: 0.1 });
    const slower = nodes[0]!.buckets('slower', { burst: 10, perSecond: 0.01 });
    await Promise.all([a.take('alice'), slower.take('alice')]);
    const left = async () =>
      (await queryAt(url, 'SELECT kind FROM plexibridge.buckets')).map(({ kind }) => kind);
    await age(url, 99);
    await Promise.all([a.purge(), slower.purge()]);
    expect((await left()).toSorted()).toEqual(['slower', 'writes']);
    await age(url, 2);
    await Promise.all([a.purge(), slower.purge()]);
    expect(await left()).toEqual(['slower']);
  });

  it('are unavailable with the database, and back with it', async () => {
    const url = await server().newDatabase();
    const wire = await Wire.to(server().port);
    const buckets = (await openNode([wire.through(url)])).buckets('writes', { burst: 2, perSecond: NEVER });
    await buckets.take('alice');
    wire.break();
    await expect(buckets.take('alice')).rejects.toMatchObject({ code: 'store_unavailable' });
    wire.mend();
    await until(() =>
      buckets.take('alice').then(
        ({ allowed }) => allowed,
        () => false,
      ),
    );
    expect((await buckets.take('alice')).allowed).toBe(false);
  });
});
