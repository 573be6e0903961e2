import { describe, expect, it } from 'vitest';
import { canExpress, modeOf } from '../../src/presence/dialect.ts';
import type { Mode } from '../../src/presence/record.ts';
import { MODES } from '../../src/presence/record.ts';
import type { DialectName } from './dialects.ts';
import { dialects } from './dialects.ts';

const WORDS: [dialect: DialectName, word: string, mode: Mode | null][] = [
  ['rich', 'here', 'online'],
  ['rich', 'away', 'idle'],
  ['rich', 'busy', 'dnd'],
  ['rich', 'gone', 'offline'],
  ['rich', 'hidden', 'invisible'],
  ['rich', 'up', null],
  ['poor', 'up', 'online'],
  ['poor', 'out', 'idle'],
  ['poor', 'down', 'offline'],
  ['poor', 'free', null],
  ['chatty', 'free', 'chat'],
  ['busy', 'busy', 'dnd'],
  ['poor', '', null],
  ['poor', 'toString', null],
];

const EXPRESSED: Record<DialectName, Mode[]> = {
  rich: ['idle', 'offline', 'dnd', 'invisible'],
  poor: [],
  chatty: ['online', 'chat'],
  busy: ['idle', 'dnd'],
};

describe('a dialect', () => {
  it.each(WORDS)('%s: %j stands for %s', (dialect, word, mode) => {
    expect(modeOf(dialects[dialect], word)).toBe(mode);
  });

  it.each(Object.entries(EXPRESSED))('%s can tell %j from every other mode', (name, modes) => {
    const dialect = dialects[name as DialectName];
    expect(MODES.filter((mode) => canExpress(dialect, mode))).toEqual(
      MODES.filter((mode) => modes.includes(mode)),
    );
  });
});
