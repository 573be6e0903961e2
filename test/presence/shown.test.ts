import { describe, expect, it } from 'vitest';
import type { CustomStatus, PresenceRecord } from '../../src/presence/record.ts';
import { BLANK } from '../../src/presence/record.ts';
import type { ExplicitWrite } from '../../src/presence/reduce.ts';
import { reduce } from '../../src/presence/reduce.ts';
import { NOTHING_SHOWN, project } from '../../src/presence/shown.ts';
import { RULES } from '../helpers/bridge.ts';
import { START } from '../helpers/clock.ts';
import { claimed, LOUD, poor, rich, says } from './dialects.ts';

const MINUTE = 60_000;
const A: CustomStatus = { text: 'a', emoji: 'x', origin: LOUD, expiresAt: null };
const B = { kind: 'set', text: 'b', emoji: null } as const;

/** Applies each write at its minute after `START`. */
function after(record: PresenceRecord, ...writes: [minute: number, write: ExplicitWrite][]): PresenceRecord {
  return writes.reduce((now, [minute, write]) => reduce(now, write, START + minute * MINUTE, RULES), record);
}

function shownAt(record: PresenceRecord, minute: number) {
  return project(record, START + minute * MINUTE, RULES.timing).shown;
}

function ownAt(record: PresenceRecord, minute: number) {
  return project(record, START + minute * MINUTE, RULES.timing).own;
}

describe('what others are shown', () => {
  it('is nothing before anything was said', () => {
    expect(project(BLANK, START, RULES.timing)).toEqual({ own: NOTHING_SHOWN, shown: NOTHING_SHOWN });
  });

  it.each(['online', 'chat', 'idle', 'dnd'] as const)('is what she sees herself when %s', (mode) => {
    const { own, shown } = project(claimed(mode, LOUD, { status: A }), START, RULES.timing);
    expect(shown).toEqual(own);
    expect(shown).toEqual({ mode, status: A, lastActivity: START });
  });

  it('keeps status and activity when timers turn her idle and offline', () => {
    const record = claimed('online', LOUD, { status: A });
    expect(shownAt(record, 5)).toEqual({ mode: 'idle', status: A, lastActivity: START });
    expect(shownAt(record, 30)).toEqual({ mode: 'offline', status: A, lastActivity: START });
  });

  it('is nothing when an invisible record has no veil', () => {
    const record = claimed('invisible', LOUD, { status: A });
    expect(project(record, START, RULES.timing).shown).toEqual(NOTHING_SHOWN);
  });
});

/** Semantics §6. */
describe('when she leaves', () => {
  const online = claimed('online', LOUD, { status: A });
  const left = { mode: 'offline', status: A, lastActivity: START + 2 * MINUTE };

  it.each(['offline', 'invisible'] as const)('by %s, others see her gone at that instant', (mode) => {
    const record = after(online, [2, says(rich, mode)]);
    expect(shownAt(record, 2)).toEqual(left);
    expect(shownAt(record, 200)).toEqual(left);
    expect(ownAt(record, 200)).toEqual({ ...left, mode });
  });

  it.each(['offline', 'invisible'] as const)('by %s when long gone, her time is unchanged', (mode) => {
    const record = after(online, [40, says(rich, mode)]);
    expect(shownAt(record, 40)).toEqual({ mode: 'offline', status: A, lastActivity: START });
    expect(ownAt(record, 40)).toMatchObject({ mode, lastActivity: START + 40 * MINUTE });
  });

  it('by offline for the first time, her time stays unknown', () => {
    expect(shownAt(after(BLANK, [0, says(rich, 'offline')]), 0)).toEqual(NOTHING_SHOWN);
  });

  it('by offline with a text, others see the text', () => {
    const record = after(online, [1, says(rich, 'offline', B)]);
    expect(shownAt(record, 1)).toMatchObject({ mode: 'offline', status: { text: 'b', emoji: null } });
  });

  it('by invisible with a text, others see the text she had', () => {
    const record = after(online, [1, says(rich, 'invisible', B)]);
    expect(shownAt(record, 1).status).toEqual(A);
    expect(ownAt(record, 1).status?.text).toBe('b');
  });

  it('and is offline, a new text shows but her time stays', () => {
    const record = after(online, [2, says(rich, 'offline')], [3, says(poor, 'offline', B)]);
    expect(shownAt(record, 3)).toMatchObject({ status: { text: 'b' }, lastActivity: START + 2 * MINUTE });
  });

  it('the status she left with still expires', () => {
    const record = after(claimed('online', LOUD, { status: { ...A, expiresAt: START + 10 * MINUTE } }), [
      2,
      says(rich, 'invisible'),
    ]);
    expect(shownAt(record, 9).status?.text).toBe('a');
    expect(shownAt(record, 10).status).toBeNull();
    expect(shownAt(after(record, [11, says(poor, 'online')]), 11).status).toBeNull();
  });
});

describe('while she is invisible, nothing moves what others see:', () => {
  const hidden = after(claimed('online', LOUD, { status: A }), [2, says(rich, 'invisible')]);

  it.each<[what: string, writes: [number, ExplicitWrite][]]>([
    ['a text', [[3, says(rich, 'invisible', B)]]],
    ['a cleared text', [[3, says(rich, 'invisible', { kind: 'clear' })]]],
    ['a held mode with a text', [[3, says(poor, 'online', B)]]],
    ['an echoed offline with a text', [[3, says(poor, 'offline', B)]]],
    ['going offline', [[3, says(rich, 'offline')]]],
    ['going offline with a text', [[3, says(rich, 'offline', B)]]],
    [
      'a text once she is offline',
      [
        [3, says(rich, 'offline')],
        [4, says(rich, 'offline', B)],
      ],
    ],
    [
      'hiding again',
      [
        [3, says(rich, 'offline')],
        [4, says(rich, 'invisible', B)],
      ],
    ],
  ])('%s', (_, writes) => {
    expect(shownAt(after(hidden, ...writes), 5)).toEqual(shownAt(hidden, 5));
  });

  it.each(['online', 'idle', 'dnd'] as const)('until she is %s: then all of it shows', (mode) => {
    const record = after(hidden, [3, says(rich, 'invisible', B)], [4, says(rich, mode)]);
    expect(record.veil).toBeNull();
    expect(shownAt(record, 4)).toEqual(ownAt(record, 4));
    expect(shownAt(record, 4)).toMatchObject({
      mode,
      status: { text: 'b' },
      lastActivity: START + 4 * MINUTE,
    });
  });
});
