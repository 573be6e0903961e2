const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** Length in Unicode code points. */
export function codePoints(text: string): number {
  return Array.from(text).length;
}

/** At most `max` code points, cut at a grapheme boundary with `…` when it was longer (semantics §8). */
export function cutText(text: string, max: number): string {
  if (text.length <= max || codePoints(text) <= max) return text;
  let kept = '';
  let length = 0;
  for (const { segment } of graphemes.segment(text)) {
    length += codePoints(segment);
    if (length > max - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}
