import { describe, expect, it } from 'vitest';
import type { Visibility } from '../../src/presence/identity.ts';
import { maySee } from '../../src/presence/visibility.ts';

/** Semantics §9. */
const ROWS: [visibility: Visibility, listsReader: boolean, blocked: boolean, sees: boolean][] = [
  ['everyone', false, false, true],
  ['everyone', true, false, true],
  ['everyone', true, true, false],
  ['contacts', false, false, false],
  ['contacts', true, false, true],
  ['contacts', true, true, false],
  ['nobody', false, false, false],
  ['nobody', true, false, false],
  ['nobody', true, true, false],
];

describe('who may see', () => {
  it.each(ROWS)('%s, listed: %s, blocked: %s → %s', (visibility, listsReader, blocked, sees) => {
    expect(maySee(visibility, { listsReader, blocked })).toBe(sees);
  });
});
