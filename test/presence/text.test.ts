import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { codePoints, cutText } from '../../src/presence/text.ts';

const FAMILY = '👩‍👩‍👧‍👦';
const ACCENT = 'e\u0301';
const FLAG = '🇩🇪';

const segmenter = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** Offsets at which a text may be cut, UTF-16 units. */
function boundaries(text: string): number[] {
  return [...segmenter.segment(text)].map(({ index }) => index);
}

const piece = fc.constantFrom(
  FAMILY,
  ACCENT,
  FLAG,
  '👍🏽',
  '#️⃣',
  'a',
  ' ',
  '\n',
  '\r\n',
  'நி',
  '각',
  '\u200d',
  '\u0308',
  '…',
);
const text = fc.oneof(
  fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join('')),
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc.string({ unit: 'binary', maxLength: 60 }),
);

describe('the length of a text', () => {
  it.each([
    ['', 0],
    ['abc', 3],
    ['😀', 1],
    [ACCENT, 2],
    [FAMILY, 7],
    [FLAG, 2],
  ])('of %j is %d code points', (text, length) => {
    expect(codePoints(text)).toBe(length);
  });
});

describe('a cut text (semantics §8)', () => {
  it.each([
    ['abc', 3, 'abc'],
    ['abcd', 3, 'ab…'],
    ['😀😀😀', 3, '😀😀😀'],
    ['😀😀😀😀', 3, '😀😀…'],
    [`a${ACCENT}b`, 3, 'a…'],
    [`ab${FAMILY}`, 8, 'ab…'],
    [`ab${FAMILY}`, 9, `ab${FAMILY}`],
    [`ab${FAMILY}c`, 9, 'ab…'],
    [FAMILY, 3, '…'],
    ['ab', 1, '…'],
    ['', 1, ''],
  ])('%j in %d code points is %j', (text, max, cut) => {
    expect(cutText(text, max)).toBe(cut);
  });

  it('fits, is a beginning of the text, and splits no grapheme', () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 80 }), (text, max) => {
        const cut = cutText(text, max);
        expect(codePoints(cut)).toBeLessThanOrEqual(max);
        if (codePoints(text) <= max) {
          expect(cut).toBe(text);
          return;
        }
        expect(cut.endsWith('…')).toBe(true);
        const kept = cut.slice(0, -1);
        expect(text.startsWith(kept)).toBe(true);
        const ends = boundaries(text);
        expect(ends).toContain(kept.length);
        const next = ends[ends.indexOf(kept.length) + 1] ?? text.length;
        expect(codePoints(text.slice(0, next))).toBeGreaterThan(max - 1);
      }),
      { numRuns: 1000 },
    );
  });
});
