import { describe, expect, it } from 'vitest';
import { BridgeError } from '../../src/presence/errors.ts';
import { settled } from '../helpers/settled.ts';
import { Pushes } from './pushes.ts';

async function isIdle(pushes: Pushes): Promise<boolean> {
  let idle = false;
  void pushes.queue.idle().then(() => (idle = true));
  await settled();
  return idle;
}

describe('a push queue', () => {
  it('sends so many at once, keys in order', async () => {
    const pushes = new Pushes();
    await pushes.put('a1', 'b1', 'c1', 'd1');
    expect(pushes.running).toEqual(['a1', 'b1']);
    expect(pushes.queue.size).toBe(2);
    await pushes.end('b1');
    expect(pushes.running).toEqual(['a1', 'c1']);
    await pushes.end('a1');
    await pushes.end('c1');
    expect(pushes.running).toEqual(['d1']);
    expect(await isIdle(pushes)).toBe(false);
    await pushes.end('d1');
    expect(await isIdle(pushes)).toBe(true);
    expect(pushes.events).toEqual(['sent', 'sent', 'sent', 'sent']);
  });

  it('sends only the newest of each key, in the place of the first', async () => {
    const pushes = new Pushes({ concurrency: 1 });
    await pushes.put('a1', 'b1', 'c1', 'b2', 'b3');
    expect(pushes.queue.size).toBe(2);
    await pushes.end('a1');
    await pushes.end('b3');
    expect(pushes.begun).toEqual(['a1', 'b3', 'c1']);
    expect(pushes.events).toEqual(['replaced', 'replaced', 'sent', 'sent']);
  });

  it('sends what came during a send of the same key after it', async () => {
    const pushes = new Pushes();
    await pushes.put('a1');
    await pushes.put('a2', 'a3');
    expect(pushes.begun).toEqual(['a1']);
    await pushes.end('a1');
    expect(pushes.begun).toEqual(['a1', 'a3']);
    expect(await isIdle(pushes)).toBe(false);
    await pushes.end('a3');
    expect(await isIdle(pushes)).toBe(true);
  });

  it('chooses what to send only when the budget gives a turn', async () => {
    const pushes = new Pushes({ perSecond: 1 });
    await pushes.put('a1', 'b1');
    await pushes.end('a1');
    await pushes.put('b2', 'c1');
    await pushes.advance(999);
    expect(pushes.begun).toEqual(['a1']);
    await pushes.advance(1);
    expect(pushes.begun).toEqual(['a1', 'b2']);
    await pushes.advance(1000);
    expect(pushes.begun).toEqual(['a1', 'b2', 'c1']);
    expect(pushes.budget.waiting).toBe(0);
  });

  it('asks for no more turns than it can use', async () => {
    const pushes = new Pushes({ perSecond: 1, concurrency: 3 });
    await pushes.put('a1', 'b1', 'c1', 'd1', 'e1');
    expect(pushes.budget.waiting).toBe(2);
    await pushes.end('a1');
    expect(pushes.budget.waiting).toBe(3);
    for (const key of ['b', 'c', 'd']) pushes.queue.forget(key);
    await pushes.advance(1000);
    expect(pushes.begun).toEqual(['a1', 'e1']);
  });

  it('tries a failed item again after the backoff of its key, and meanwhile sends others', async () => {
    const pushes = new Pushes({ concurrency: 1 });
    await pushes.put('a1', 'b1');
    await pushes.fail('a1');
    expect(pushes.running).toEqual(['b1']);
    expect(pushes.queue.size).toBe(1);
    await pushes.end('b1');
    await pushes.advance(149);
    expect(pushes.running).toEqual([]);
    await pushes.advance(1);
    expect(pushes.running).toEqual(['a1']);
    await pushes.fail('a1');
    await pushes.advance(249);
    expect(pushes.running).toEqual([]);
    await pushes.advance(1);
    await pushes.fail('a1', 5000);
    await pushes.advance(4999);
    expect(pushes.running).toEqual([]);
    await pushes.advance(1);
    await pushes.end('a1');
    expect(pushes.events).toEqual(['failed', 'sent', 'failed', 'failed', 'sent']);
    await pushes.put('a2');
    await pushes.fail('a2');
    await pushes.advance(150);
    expect(pushes.running).toEqual(['a2']);
  });

  it('lets a newer item take the place of a failed one, without trying earlier', async () => {
    const pushes = new Pushes();
    await pushes.put('a1');
    await pushes.fail('a1');
    await pushes.put('a2');
    expect(pushes.running).toEqual([]);
    await pushes.advance(150);
    expect(pushes.running).toEqual(['a2']);
    await pushes.put('a3');
    await pushes.fail('a2');
    expect(pushes.queue.size).toBe(1);
    await pushes.advance(249);
    expect(pushes.running).toEqual([]);
    await pushes.advance(1);
    expect(pushes.running).toEqual(['a3']);
  });

  it('reports a send that throws, and tries it again', async () => {
    const pushes = new Pushes();
    await pushes.put('a1');
    const bug = new Error('bug');
    await pushes.end('a1', bug);
    expect(pushes.reports).toEqual([['a push failed unexpectedly', bug]]);
    expect(pushes.events).toEqual(['failed']);
    await pushes.advance(150);
    expect(pushes.running).toEqual(['a1']);
  });

  it('survives a send that throws before it answers a promise', async () => {
    const thrown = new Error('at once');
    const pushes = new Pushes({
      send: () => {
        throw thrown;
      },
    });
    await pushes.put('a1');
    expect(pushes.reports).toEqual([['a push failed unexpectedly', thrown]]);
    expect(pushes.queue.size).toBe(1);
  });
});

describe('a push queue that forgets', () => {
  it('drops what waits, ready or held back', async () => {
    const pushes = new Pushes({ concurrency: 1 });
    await pushes.put('a1', 'b1', 'c1');
    pushes.queue.forget('b');
    await pushes.fail('a1');
    pushes.queue.forget('a');
    await pushes.end('c1');
    expect(await isIdle(pushes)).toBe(true);
    await pushes.advance(10_000);
    expect(pushes.begun).toEqual(['a1', 'c1']);
  });

  it('starts anew with the key: no backoff is left', async () => {
    const pushes = new Pushes();
    await pushes.put('a1');
    await pushes.fail('a1');
    pushes.queue.forget('a');
    await pushes.put('a2');
    expect(pushes.running).toEqual(['a2']);
    await pushes.fail('a2');
    await pushes.advance(150);
    expect(pushes.running).toEqual(['a2']);
  });

  it('lets no old backoff wake the key while it is being sent', async () => {
    const pushes = new Pushes();
    await pushes.put('a1');
    await pushes.fail('a1');
    pushes.queue.forget('a');
    await pushes.put('a2');
    await pushes.put('a3');
    await pushes.advance(10_000);
    expect(pushes.begun).toEqual(['a1', 'a2']);
    expect(pushes.reports).toEqual([]);
  });

  it('does not try a running send again, but what was put after it', async () => {
    const pushes = new Pushes();
    await pushes.put('a1', 'b1');
    pushes.queue.forget('a');
    pushes.queue.forget('b');
    await pushes.put('b2');
    await pushes.fail('a1');
    await pushes.fail('b1');
    await pushes.advance(10_000);
    expect(pushes.begun).toEqual(['a1', 'b1', 'b2']);
  });

  it('resolves idle when the last one is forgotten', async () => {
    const pushes = new Pushes();
    pushes.queue.pause();
    await pushes.put('a1');
    let idle = false;
    void pushes.queue.idle().then(() => (idle = true));
    await settled();
    expect(idle).toBe(false);
    pushes.queue.forget('a');
    await settled();
    expect(idle).toBe(true);
  });
});

describe('a push queue while the side is down', () => {
  it('begins nothing, and on resume sends everything at once, whatever its backoff', async () => {
    const pushes = new Pushes({ concurrency: 5 });
    await pushes.put('a1', 'b1');
    await pushes.fail('a1', 60_000);
    pushes.queue.pause();
    await pushes.put('c1', 'a2');
    await pushes.fail('b1', 60_000);
    await pushes.advance(60_000);
    expect(pushes.begun).toEqual(['a1', 'b1']);
    expect(pushes.queue.size).toBe(3);
    await pushes.put('d1');
    pushes.queue.resume();
    await settled();
    expect(pushes.running.sort()).toEqual(['a2', 'b1', 'c1', 'd1']);
  });

  it('starts the backoffs anew on resume', async () => {
    const pushes = new Pushes();
    await pushes.put('a1');
    await pushes.fail('a1');
    await pushes.advance(150);
    await pushes.fail('a1');
    pushes.queue.pause();
    pushes.queue.resume();
    await settled();
    expect(pushes.running).toEqual(['a1']);
    await pushes.fail('a1');
    await pushes.advance(150);
    expect(pushes.running).toEqual(['a1']);
  });

  it('leaves the backoffs alone when resumed without a pause', async () => {
    const pushes = new Pushes();
    await pushes.put('a1');
    await pushes.fail('a1');
    pushes.queue.resume();
    await settled();
    expect(pushes.running).toEqual([]);
  });

  it('gives its turns back, and resumes within the budget', async () => {
    const pushes = new Pushes({ perSecond: 1, concurrency: 3 });
    await pushes.put('a1', 'b1', 'c1');
    expect(pushes.budget.waiting).toBe(2);
    pushes.queue.pause();
    pushes.queue.pause();
    await settled();
    expect(pushes.budget.waiting).toBe(0);
    pushes.queue.resume();
    await settled();
    expect(pushes.begun).toEqual(['a1']);
    expect(pushes.budget.waiting).toBe(2);
    await pushes.advance(1000);
    await pushes.advance(1000);
    expect(pushes.begun).toEqual(['a1', 'b1', 'c1']);
    expect(pushes.reports).toEqual([]);
  });

  it('does not use a turn that came at the very moment', async () => {
    let grant = () => {};
    const turn = () => new Promise<void>((resolve) => (grant = resolve));
    const pushes = new Pushes({ budget: { turn } });
    await pushes.put('a1');
    grant();
    pushes.queue.pause();
    await settled();
    expect(pushes.begun).toEqual([]);
    expect(pushes.queue.size).toBe(1);
  });

  it('may be paused and resumed in one go', async () => {
    const pushes = new Pushes({ perSecond: 1 });
    await pushes.put('a1', 'b1');
    pushes.queue.pause();
    pushes.queue.resume();
    await settled();
    expect(pushes.budget.waiting).toBe(1);
    await pushes.advance(1000);
    expect(pushes.begun).toEqual(['a1', 'b1']);
  });
});

describe('a push queue without a turn', () => {
  it.each([
    [new BridgeError('overloaded', '', { retryAfterMs: 7000 }), 7000, 0],
    [new BridgeError('overloaded', '', { retryAfterMs: 1 }), 1000, 0],
    [new BridgeError('overloaded'), 1000, 0],
    [new Error('bug'), 1000, 1],
  ])('rests a while and asks again: %s', async (error, wait, reports) => {
    let asked = 0;
    const turn = () => (asked++ < 2 ? Promise.reject(error) : Promise.resolve());
    const pushes = new Pushes({ budget: { turn }, concurrency: 2 });
    await pushes.put('a1', 'b1');
    await pushes.put('c1');
    await pushes.advance(wait - 1);
    expect([asked, pushes.begun]).toEqual([2, []]);
    await pushes.advance(1);
    expect(pushes.begun).toEqual(['a1', 'b1']);
    expect(pushes.reports).toHaveLength(reports);
  });

  it('may be paused while it rests', async () => {
    let asked = 0;
    const turn = () => (asked++ === 0 ? Promise.reject(new BridgeError('overloaded')) : Promise.resolve());
    const pushes = new Pushes({ budget: { turn } });
    await pushes.put('a1');
    pushes.queue.pause();
    await pushes.advance(5000);
    expect(pushes.begun).toEqual([]);
    pushes.queue.resume();
    await settled();
    expect(pushes.begun).toEqual(['a1']);
  });
});

describe('a disposed push queue', () => {
  it('drops what waits at once and waits for what runs', async () => {
    const pushes = new Pushes({ concurrency: 3, perSecond: 3 });
    await pushes.put('a1', 'b1', 'c1');
    await pushes.put('a2', 'd1');
    await pushes.fail('c1');
    expect([pushes.queue.size, pushes.budget.waiting]).toEqual([3, 1]);
    let disposed = false;
    void pushes.queue[Symbol.asyncDispose]().then(() => (disposed = true));
    await pushes.put('e1');
    expect(pushes.queue.size).toBe(0);
    expect(pushes.budget.waiting).toBe(0);
    pushes.budget[Symbol.dispose]();
    expect(pushes.clock.timers).toBe(0);
    await pushes.end('a1');
    expect(disposed).toBe(false);
    await pushes.fail('b1');
    expect(disposed).toBe(true);
    pushes.queue.resume();
    await pushes.advance(60_000);
    expect(pushes.begun).toEqual(['a1', 'b1', 'c1']);
    expect(pushes.queue.size).toBe(0);
  });

  it('cannot be paused back to life', async () => {
    const pushes = new Pushes();
    await pushes.queue[Symbol.asyncDispose]();
    pushes.queue.pause();
    pushes.queue.resume();
    await pushes.put('a1');
    expect(pushes.begun).toEqual([]);
  });
});
