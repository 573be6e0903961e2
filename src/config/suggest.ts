import { closest, distance } from 'fastest-levenshtein';

/** The candidate that was probably meant by an unknown `key`, or null when none is close. */
export function suggest(key: string, candidates: readonly string[]): string | null {
  const best = closest(key, candidates);
  const name = key.slice(key.lastIndexOf('.') + 1);
  return distance(key, best) <= Math.ceil(name.length / 2) ? best : null;
}
