import { describe, expect, it } from 'vitest';
import { Serial } from '../../src/presence/serial.ts';

/** A task that ends when told to, and says in `log` when it begins and ends. */
function task(name: string, log: string[]) {
  let end = () => {};
  let fail = () => {};
  const promise = new Promise<string>((resolve, reject) => {
    end = () => resolve(name);
    fail = () => reject(new Error(name));
  });
  const run = async () => {
    log.push(`${name} begins`);
    try {
      return await promise;
    } finally {
      log.push(`${name} ends`);
    }
  };
  return { run, end, fail };
}

describe('serial turns', () => {
  it('of one key come one after the other, in order', async () => {
    const serial = new Serial<string>();
    const log: string[] = [];
    const [a, b, c] = [task('a', log), task('b', log), task('c', log)];
    const turns = [a, b, c].map(({ run }) => serial.run('key', run));
    c.end();
    b.end();
    a.end();
    expect(await Promise.all(turns)).toEqual(['a', 'b', 'c']);
    expect(log).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  });

  it('of different keys go side by side', async () => {
    const serial = new Serial<string>();
    const log: string[] = [];
    const [a, b] = [task('a', log), task('b', log)];
    const first = serial.run('one', a.run);
    const second = serial.run('two', b.run);
    b.end();
    expect(await second).toBe('b');
    expect(log).toEqual(['a begins', 'b begins', 'b ends']);
    a.end();
    expect(await first).toBe('a');
  });

  it('go on after one that fails, which alone gets its error', async () => {
    const serial = new Serial<string>();
    const [a, b] = [task('a', []), task('b', [])];
    const first = serial.run('key', a.run);
    const second = serial.run('key', b.run);
    a.fail();
    b.end();
    await expect(first).rejects.toThrow('a');
    expect(await second).toBe('b');
    expect(await serial.run('key', () => Promise.resolve('later'))).toBe('later');
  });

  it('that are too many are refused, for as long as they are', async () => {
    const serial = new Serial<string>();
    const [a, b] = [task('a', []), task('b', [])];
    const first = serial.run('key', a.run, 2);
    const second = serial.run('key', b.run, 2);
    await expect(serial.run('key', b.run, 2)).rejects.toMatchObject({
      code: 'overloaded',
      retryAfterMs: 1000,
    });
    expect(await serial.run('other', () => Promise.resolve('c'), 1)).toBe('c');
    a.fail();
    await expect(first).rejects.toThrow('a');
    const third = serial.run('key', () => Promise.resolve('d'), 2);
    b.end();
    expect(await Promise.all([second, third])).toEqual(['b', 'd']);
    expect(await serial.run('key', () => Promise.resolve('e'), 1)).toBe('e');
  });
});
