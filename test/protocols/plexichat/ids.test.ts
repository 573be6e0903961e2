import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { madeAt, parseUserId, plexichatNetwork } from '../../../src/protocols/plexichat/ids.ts';
import { START } from '../../helpers/clock.ts';

const network = plexichatNetwork;

function nextStandIn(last: string | null, now: number): string {
  if (network.standIns.kind !== 'allocated') throw new Error('Plexichat stand-ins are allocated');
  return network.standIns.next(last, now);
}

/** All decimal digits of Unicode, in order. */
const DIGITS = Array.from({ length: 0x110000 }, (_, code) => code)
  .filter((code) => (code < 0xd800 || code > 0xdfff) && /\p{Nd}/u.test(String.fromCodePoint(code)))
  .map((code) => String.fromCodePoint(code));

describe('user ids in paths', () => {
  it.each([
    ['382824975331102720', '382824975331102720'],
    ['0', '0'],
    ['-5', '-5'],
    ['-0', '0'],
    ['+1', '1'],
    ['1_000', '1000'],
    [' 007 ', '7'],
    ['\t\n\v\f\r7\u0085\u00a0\u2028\u3000', '7'],
    ['١٢', '12'],
    ['-٣', '-3'],
    ['１२_𝟛', '123'],
    ['9223372036854775808', '9223372036854775808'],
    ['9'.repeat(4300), '9'.repeat(4300)],
    [`+${'1_'.repeat(4299)}1`, '1'.repeat(4300)],
  ])('%j is %s', (text, id) => {
    expect(parseUserId(text)).toBe(id);
  });

  it.each([
    '',
    ' ',
    '@me',
    'abc',
    '1.5',
    '1e3',
    '0x10',
    '+',
    '--1',
    '+ 1',
    '1 2',
    '_1',
    '1_',
    '1__0',
    '\ufeff1',
    '\u00001',
    '½',
    '²',
    'Ⅻ',
    '9'.repeat(4301),
    '0'.repeat(4301),
  ])('%j is no id', (text) => {
    expect(parseUserId(text)).toBeNull();
  });

  it('reads integers in any script, padded and signed', () => {
    const inScript = (value: bigint, script: number, separator: string) =>
      Array.from(String(value), (digit) => DIGITS[script * 10 + Number(digit)]).join(separator);
    const space = fc.constantFrom('', ' ', '\u2003', '\n');
    const script = fc.nat({ max: DIGITS.length / 10 - 1 });
    fc.assert(
      fc.property(
        fc.record({
          value: fc.bigInt({ min: 0n, max: 1n << 70n }),
          script,
          separator: fc.constantFrom('', '_'),
        }),
        fc.record({
          before: space,
          sign: fc.constantFrom('', '+', '-'),
          zeros: fc.nat({ max: 5 }),
          after: space,
        }),
        ({ value, script, separator }, { before, sign, zeros, after }) => {
          const written = `${before}${sign}${'0'.repeat(zeros)}${inScript(value, script, separator)}${after}`;
          expect(parseUserId(written)).toBe(String(sign === '-' ? -value : value));
        },
      ),
    );
  });
});

describe('ids of accounts', () => {
  it.each([
    ['382824975331102720', '382824975331102720'],
    [' 007', '7'],
    ['9223372036854775807', '9223372036854775807'],
    ['9223372036854775808', null],
    ['0', null],
    ['-1', null],
    ['alice', null],
    ['', null],
  ])('%j is %s', (text, id) => {
    expect(network.parseId(text)).toBe(id);
  });

  it('tells when an account was made', () => {
    expect(madeAt('382824975331102720')).toBe(1_795_339_786_663);
  });

  it('writes tokens as id and secret', () => {
    expect(network.tokenText('s3cret', '42')).toBe('42.s3cret');
  });
});

describe('stand-ins', () => {
  it.each([
    ['382824975331102720', false], // datacenter 1, worker 1
    [String((1n << 22n) | (31n << 17n)), false],
    [String((1n << 22n) | (31n << 12n)), false],
    [String((1n << 22n) | (31n << 17n) | (31n << 12n)), true],
    [String((1n << 22n) | (31n << 17n) | (31n << 12n) | 4095n), true],
  ])('%s: %s', (id, expected) => {
    expect(network.isStandIn(id)).toBe(expected);
  });

  it('are snowflakes of the moment', () => {
    const first = nextStandIn(null, START);
    expect(first).toBe(String((BigInt(START - 1_704_067_200_000) << 22n) | (1023n << 12n)));
    expect(madeAt(first)).toBe(START);
    expect(nextStandIn(first, START)).toBe(String(BigInt(first) + 1n));
    expect(nextStandIn(first, START + 1)).toBe(nextStandIn(null, START + 1));
  });

  it('borrow from the next millisecond once a millisecond is used up', () => {
    const full = String(BigInt(nextStandIn(null, START)) + 4095n);
    expect(nextStandIn(full, START)).toBe(nextStandIn(null, START + 1));
  });

  it('grow, and stay stand-ins, whatever the clock does', () => {
    const moments = fc.array(fc.integer({ min: 0, max: START }), { minLength: 1, maxLength: 50 });
    const start = fc.option(fc.nat({ max: 4095 }));
    fc.assert(
      fc.property(moments, start, (times, sequence) => {
        let last = sequence === null ? null : String(BigInt(nextStandIn(null, START)) + BigInt(sequence));
        for (const now of times) {
          const next = nextStandIn(last, now);
          expect(network.isStandIn(next)).toBe(true);
          expect(network.parseId(next)).toBe(next);
          expect(BigInt(next)).toBeGreaterThan(BigInt(last ?? 0));
          last = next;
        }
      }),
    );
  });
});
