import { describe, expect, test } from 'vitest';
import { ReadThrough } from '../../../src/stores/postgres/read-through.ts';
import { SlowReads } from './slow-reads.ts';

function subject(options: { max?: number; sizeOf?: (value: string) => number } = {}) {
  const reads = new SlowReads();
  const state = { believed: true, value: 'first', looked: 0 };
  const cache = new ReadThrough<string, string>({ max: 10, ...options, believed: () => state.believed });
  const get = (key = 'key') =>
    cache.get(key, () =>
      reads.read(() => {
        state.looked++;
        return Promise.resolve(state.value);
      }),
    );
  const letThrough = () => {
    reads.look();
    reads.answer();
  };
  return { cache, reads, state, get, letThrough };
}

describe('reading through what is remembered', () => {
  test('asks once for what many want, and never again', async () => {
    const { state, get, letThrough } = subject();
    const many = [get(), get(), get()];
    letThrough();
    expect(await Promise.all(many)).toEqual(['first', 'first', 'first']);
    state.value = 'second';
    expect(await get()).toBe('first');
    expect(state.looked).toBe(1);
  });

  test('believes nothing that it was told not to, and remembers it all the same', async () => {
    const { state, get, letThrough } = subject();
    const before = get();
    letThrough();
    await before;
    state.believed = false;
    state.value = 'second';
    const anew = get();
    letThrough();
    expect(await anew).toBe('second');
    state.believed = true;
    expect(await get()).toBe('second');
    expect(state.looked).toBe(2);
  });

  test.each(['forget', 'clear', 'forgetFlights'] as const)(
    '%s: a read under way is neither shared with whoever comes later nor remembered',
    async (how) => {
      const { cache, reads, state, get, letThrough } = subject();
      const early = get();
      reads.look();
      state.value = 'second';
      cache[how]('key');
      const late = get();
      reads.look();
      reads.answer(1);
      expect(await late).toBe('second');
      reads.answer();
      expect(await early).toBe('first');
      state.value = 'third';
      expect(await get()).toBe('second');
      cache.forget('key');
      const anew = get();
      letThrough();
      expect(await anew).toBe('third');
    },
  );

  test('what is put is not overwritten by an older read', async () => {
    const { cache, state, get, letThrough } = subject();
    const early = get();
    cache.put('key', 'put');
    letThrough();
    expect(await early).toBe('first');
    expect(await get()).toBe('put');
    expect(state.looked).toBe(1);
  });

  test('remembers no failure', async () => {
    const { cache, get, letThrough } = subject();
    await expect(cache.get('key', () => Promise.reject(new Error('down')))).rejects.toThrow('down');
    const again = get();
    letThrough();
    expect(await again).toBe('first');
  });

  test('keeps within its bound, by size where it is given one', async () => {
    const { state, get, letThrough } = subject({ max: 4, sizeOf: (value) => value.length });
    const read = async (key: string, value: string) => {
      state.value = value;
      const answer = get(key);
      letThrough();
      return answer;
    };
    await read('a', 'xxx');
    await read('b', 'x');
    expect(await get('a')).toBe('xxx');
    await read('c', 'xxx');
    expect(await read('a', 'y')).toBe('y');
    await read('huge', 'xxxxx');
    expect(await read('huge', 'y')).toBe('y');
  });
});
