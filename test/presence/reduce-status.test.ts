import { describe, expect, it } from 'vitest';
import type { CustomStatus } from '../../src/presence/record.ts';
import type { StatusEdit } from '../../src/presence/reduce.ts';
import { reduce } from '../../src/presence/reduce.ts';
import { RULES } from '../helpers/bridge.ts';
import { START } from '../helpers/clock.ts';
import type { DialectName } from './dialects.ts';
import { claimed, dialects, LOUD, poor, QUIET, rich, says } from './dialects.ts';

const NOW = START + 1000;
const SOON = START + 60_000;
const LONG = 'a text of more than twelve';

function status(
  text: string | null,
  emoji: string | null = null,
  more: Partial<CustomStatus> = {},
): CustomStatus {
  return { text, emoji, origin: LOUD, expiresAt: null, ...more };
}

function set(text: string | undefined, emoji: string | null, expiresAt?: number | null): StatusEdit {
  return {
    kind: 'set',
    emoji,
    ...(text === undefined ? {} : { text }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
  };
}

const quiet = { origin: QUIET };

type Row = [
  what: string,
  before: CustomStatus | null,
  dialect: DialectName,
  edit: StatusEdit,
  after: CustomStatus | null,
];

const ROWS: Row[] = [
  ['keep leaves it', status('a', 'x'), 'poor', { kind: 'keep' }, status('a', 'x')],
  ['keep leaves nothing', null, 'poor', { kind: 'keep' }, null],
  ['clear takes text and emoji', status('a', 'x'), 'rich', { kind: 'clear' }, null],
  ['clear-own takes one’s own', status('a', null, quiet), 'poor', { kind: 'clear-own' }, null],
  ['clear-own leaves another’s', status('a'), 'poor', { kind: 'clear-own' }, status('a')],
  ['clear-own of nothing', null, 'poor', { kind: 'clear-own' }, null],
  ['set where there was none', null, 'poor', set('b', null), status('b', null, quiet)],
  ['set replaces text and origin', status('a'), 'poor', set('b', null), status('b', null, quiet)],
  ['text alone clears the emoji', status('a', 'x'), 'rich', set('a', null), status('a')],
  ['emoji alone is allowed', null, 'rich', set(undefined, 'x'), status(null, 'x')],
  ['emoji alone leaves the text', status('a'), 'rich', set(undefined, 'x'), status('a', 'x')],
  ['no emoji and no text before', null, 'rich', set(undefined, null), null],
  ['an emoji taken off leaves nothing', status(null, 'x'), 'rich', set(undefined, null), null],
  ['an echo is no change', status('a', 'x'), 'rich', set('a', 'x'), status('a', 'x')],
  ['a joined echo is no change', status('a', 'x'), 'poor', set('x a', null), status('a', 'x')],
  ['a cut echo keeps the full text', status(LONG, 'x'), 'rich', set('a text of m…', 'x'), status(LONG, 'x')],
  ['a cut echo with another emoji, too', status(LONG), 'rich', set('a text of m…', 'y'), status(LONG, 'y')],
  [
    'a cut text elsewhere is a new text',
    status(LONG),
    'poor',
    set('a text of m…', null),
    status('a text of m…', null, quiet),
  ],
  [
    'a new text has the expiry given',
    status('a'),
    'rich',
    set('b', null, SOON),
    status('b', null, { expiresAt: SOON }),
  ],
  [
    'a new text has no expiry of the old',
    status('a', null, { expiresAt: SOON }),
    'rich',
    set('b', null),
    status('b'),
  ],
  [
    'an echo leaves the expiry',
    status('a', null, { expiresAt: SOON }),
    'rich',
    set('a', null),
    status('a', null, { expiresAt: SOON }),
  ],
  [
    'an echo may set the expiry',
    status('a'),
    'poor',
    set('a', null, SOON),
    status('a', null, { expiresAt: SOON }),
  ],
  [
    'an echo may end the expiry',
    status('a', null, { expiresAt: SOON }),
    'rich',
    set('a', null, null),
    status('a'),
  ],
  ['keep drops what has expired', status('a', null, { expiresAt: NOW }), 'rich', { kind: 'keep' }, null],
  [
    'what has expired is no echo',
    status('a', null, { expiresAt: NOW }),
    'poor',
    set('a', null),
    status('a', null, quiet),
  ],
];

describe('the status after a write', () => {
  it.each(ROWS)('%s', (_, before, dialect, edit, after) => {
    const record = claimed('online', LOUD, { status: before });
    expect(reduce(record, says(dialects[dialect], 'online', edit), NOW, RULES).status).toEqual(after);
  });

  it('is taken although the mode is held (semantics §4.2)', () => {
    const next = reduce(claimed('dnd', LOUD), says(poor, 'online', set('b', null)), NOW, RULES);
    expect(next).toMatchObject({ claim: { mode: 'dnd' }, status: { text: 'b' }, lastActivity: NOW });
  });

  it('is taken although the mode is echoed', () => {
    const next = reduce(claimed('idle', LOUD), says(rich, 'idle', set('b', null)), NOW, RULES);
    expect(next).toMatchObject({ claim: { at: START }, status: { text: 'b' } });
  });
});
