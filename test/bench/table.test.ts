import { expect, it } from 'vitest';
import { alternate, perRound, spreadOf } from './stats.ts';
import type { Line } from './table.ts';
import { brokenParts } from './table.ts';

const LINE: Line = {
  what: 'GET',
  figure: '35 µs',
  reference: 'node:http: 20 µs',
  value: spreadOf([0.5, 0.6, 0.7]),
  goal: { atLeast: 0.85 },
};

it('a figure is broken when there is none, not when it misses its goal', () => {
  expect(brokenParts([LINE, { what: 'PUT', skipped: 'no server' }])).toEqual([]);
  const broken: Line[] = [
    { ...LINE, value: spreadOf([NaN]) },
    { ...LINE, value: spreadOf([]) },
    { ...LINE, value: spreadOf([0, 1, 2]) },
    { ...LINE, value: spreadOf([Infinity]) },
    { ...LINE, value: spreadOf([-1]) },
    { ...LINE, figure: 'NaN µs' },
    { ...LINE, reference: 'undefined' },
  ];
  for (const line of broken) expect(brokenParts([line])).toHaveLength(1);
});

it('variants take turns, and what came of each is held against the other’s of the same round', async () => {
  const order: string[] = [];
  const turn = (name: string, values: number[]) => () => {
    order.push(name);
    return Promise.resolve(values.shift() ?? NaN);
  };
  const rounds = await alternate(3, { a: turn('a', [99, 1, 2, 9]), b: turn('b', [99, 1, 1, 3]) });
  expect(order).toEqual(['a', 'b', 'b', 'a', 'a', 'b', 'b', 'a']);
  expect(perRound(rounds, (of) => of('a') / of('b'))).toEqual({ median: 2, min: 1, max: 3 });
});
