import { expect, test } from 'vitest';
import { BridgeError } from '../../src/presence/errors.ts';
import { Batcher } from '../../src/stores/batcher.ts';

interface Commit {
  readonly items: readonly string[];
  finish(): void;
  fail(): void;
}

/** A batcher whose commits end when the test says so. */
function setup(limit = 100) {
  const commits: Commit[] = [];
  const batcher = new Batcher<string, string>({
    limit,
    commit: (items) =>
      new Promise((resolve, reject) => {
        const finish = () => resolve(items.map((item) => item.toUpperCase()));
        commits.push({ items, finish, fail: () => reject(new Error('disk full')) });
      }),
  });
  async function commit(number: number): Promise<Commit> {
    while (commits.length <= number) await new Promise((resolve) => setImmediate(resolve));
    return commits[number]!;
  }
  return { batcher, commits, commit };
}

test('what arrives together is committed together, in order', async () => {
  const { batcher, commit } = setup();
  const results = Promise.all(['a', 'b', 'c'].map((item) => batcher.add(item)));
  const first = await commit(0);
  expect(first.items).toEqual(['a', 'b', 'c']);
  first.finish();
  expect(await results).toEqual(['A', 'B', 'C']);
});

test('what arrives during a commit is the next batch', async () => {
  const { batcher, commits, commit } = setup();
  const a = batcher.add('a');
  const first = await commit(0);
  const later = [batcher.add('b'), batcher.add('c')];
  await new Promise((resolve) => setImmediate(resolve));
  expect(commits).toHaveLength(1);
  first.finish();
  expect(await a).toBe('A');
  const second = await commit(1);
  expect(second.items).toEqual(['b', 'c']);
  second.finish();
  expect(await Promise.all(later)).toEqual(['B', 'C']);
});

test('answers nobody before the commit', async () => {
  const { batcher, commit } = setup();
  let answered = false;
  const added = batcher.add('a').then(() => (answered = true));
  const first = await commit(0);
  await new Promise((resolve) => setImmediate(resolve));
  expect(answered).toBe(false);
  first.finish();
  await added;
});

test('refuses what the queue cannot hold, and takes it once there is room', async () => {
  const { batcher, commit } = setup(2);
  const a = batcher.add('a');
  const first = await commit(0);
  const waiting = [batcher.add('b'), batcher.add('c')];
  const refused = batcher.add('d');
  await expect(refused).rejects.toMatchObject({ code: 'overloaded', retryAfterMs: 1000 });
  first.finish();
  await a;
  const second = await commit(1);
  const e = batcher.add('e');
  second.finish();
  await Promise.all(waiting);
  (await commit(2)).finish();
  expect(await e).toBe('E');
});

test('a failed commit refuses its whole batch, and only that', async () => {
  const { batcher, commit } = setup();
  const doomed = Promise.allSettled([batcher.add('a'), batcher.add('b')]);
  const first = await commit(0);
  const next = batcher.add('c');
  first.fail();
  for (const outcome of await doomed) {
    const reason: unknown = outcome.status === 'rejected' ? outcome.reason : null;
    expect(reason).toBeInstanceOf(BridgeError);
    expect(reason).toMatchObject({ code: 'store_unavailable', cause: { message: 'disk full' } });
  }
  (await commit(1)).finish();
  expect(await next).toBe('C');
});

test('closing finishes what was accepted and refuses the rest', async () => {
  const { batcher, commit } = setup();
  const a = batcher.add('a');
  const first = await commit(0);
  const b = batcher.add('b');
  let closed = false;
  const closing = batcher[Symbol.asyncDispose]().then(() => (closed = true));
  await expect(batcher.add('c')).rejects.toMatchObject({ code: 'store_unavailable' });
  first.finish();
  const second = await commit(1);
  expect(closed).toBe(false);
  second.finish();
  await closing;
  expect(await Promise.all([a, b])).toEqual(['A', 'B']);
});

test('an idle batcher closes at once', async () => {
  await expect(setup().batcher[Symbol.asyncDispose]()).resolves.toBeUndefined();
});
