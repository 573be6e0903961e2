import { describe, expect, it } from 'vitest';
import { duration } from '../../src/config/duration.ts';

describe('a duration', () => {
  it.each([
    ['0s', 0],
    ['250ms', 250],
    ['30s', 30_000],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['007s', 7000],
    ['never', Infinity],
  ])('%s is %d ms', (text, ms) => {
    expect(duration.parse(text)).toBe(ms);
  });

  it.each(['', '5', '5 m', 'm', '-1s', '1.5h', '1w', '5M', 'never ', '1h30m', 300, null])(
    '%j is refused with an example of a good one',
    (value) => {
      const { error } = duration.safeParse(value);
      expect(error?.issues.map(({ message }) => message)).toEqual([
        'expected a duration such as 250ms, 30s, 5m, 2h, 1d or never',
      ]);
    },
  );
});
