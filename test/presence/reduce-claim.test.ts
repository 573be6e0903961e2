import { describe, expect, it } from 'vitest';
import type { Mode } from '../../src/presence/record.ts';
import { BLANK, BRIDGE } from '../../src/presence/record.ts';
import { reduce } from '../../src/presence/reduce.ts';
import { RULES } from '../helpers/bridge.ts';
import { START } from '../helpers/clock.ts';
import type { DialectName } from './dialects.ts';
import { claimed, dialects, LOUD, poor, QUIET, rich, says } from './dialects.ts';

const MINUTE = 60_000;
const origins = { loud: LOUD, quiet: QUIET, bridge: BRIDGE } as const;
type OriginName = keyof typeof origins;

/** Who had said what, who says what now, and whether that stays or is taken. */
type Row = [before: Mode, by: OriginName, dialect: DialectName, says: Mode, after: Mode];

function modeAfter([before, by, dialect, mode]: Row, sticky: boolean): Mode | undefined {
  const rules = { ...RULES, sticky };
  return reduce(claimed(before, origins[by]), says(dialects[dialect], mode), START + 1, rules).claim?.mode;
}

const PLAIN: Row[] = [
  ['online', 'loud', 'rich', 'idle', 'idle'],
  ['online', 'loud', 'rich', 'dnd', 'dnd'],
  ['online', 'loud', 'rich', 'offline', 'offline'],
  ['online', 'loud', 'rich', 'invisible', 'invisible'],
  ['online', 'loud', 'poor', 'idle', 'idle'],
  ['idle', 'quiet', 'rich', 'online', 'online'],
  ['offline', 'quiet', 'rich', 'dnd', 'dnd'],
  ['offline', 'loud', 'poor', 'online', 'online'],
  ['idle', 'loud', 'chatty', 'chat', 'chat'],
  ['chat', 'quiet', 'chatty', 'online', 'online'],
];

/** Semantics §4.1: the word she is shown, written back. */
const ECHOED: Row[] = [
  ['chat', 'quiet', 'rich', 'online', 'chat'],
  ['chat', 'quiet', 'poor', 'online', 'chat'],
  ['dnd', 'loud', 'poor', 'idle', 'dnd'],
  ['dnd', 'quiet', 'poor', 'idle', 'dnd'],
  ['dnd', 'bridge', 'chatty', 'idle', 'dnd'],
  ['invisible', 'loud', 'poor', 'offline', 'invisible'],
  ['invisible', 'bridge', 'chatty', 'offline', 'invisible'],
];

/** Semantics §4.2: a dialect without the word does not lift what another origin set. */
const HELD: Row[] = [
  ['dnd', 'loud', 'poor', 'online', 'dnd'],
  ['dnd', 'loud', 'chatty', 'chat', 'dnd'],
  ['dnd', 'bridge', 'poor', 'online', 'dnd'],
  ['invisible', 'loud', 'poor', 'online', 'invisible'],
  ['invisible', 'loud', 'poor', 'idle', 'invisible'],
  ['invisible', 'loud', 'chatty', 'chat', 'invisible'],
  ['invisible', 'loud', 'busy', 'dnd', 'invisible'],
  ['invisible', 'bridge', 'poor', 'online', 'invisible'],
];

const LIFTED: Row[] = [
  ['dnd', 'loud', 'rich', 'online', 'online'],
  ['dnd', 'loud', 'poor', 'offline', 'offline'],
  ['dnd', 'loud', 'chatty', 'offline', 'offline'],
  ['dnd', 'loud', 'busy', 'online', 'online'],
  ['dnd', 'loud', 'busy', 'idle', 'idle'],
  ['dnd', 'bridge', 'rich', 'online', 'online'],
  ['dnd', 'quiet', 'poor', 'online', 'online'],
  ['invisible', 'loud', 'rich', 'online', 'online'],
  ['invisible', 'loud', 'rich', 'offline', 'offline'],
  ['invisible', 'bridge', 'rich', 'dnd', 'dnd'],
  ['invisible', 'quiet', 'poor', 'online', 'online'],
];

describe('the claim after a write', () => {
  it.each([...PLAIN, ...ECHOED, ...HELD, ...LIFTED])('%s by %s, then %s says %s: %s', (...row) => {
    expect(modeAfter(row, true)).toBe(row[4]);
  });

  it.each([...PLAIN, ...ECHOED, ...LIFTED])('not sticky: %s by %s, then %s says %s: %s', (...row) => {
    expect(modeAfter(row, false)).toBe(row[4]);
  });

  it.each(HELD)('not sticky: %s by %s, then %s says %s: taken', (...row) => {
    expect(modeAfter(row, false)).toBe(row[3]);
  });

  it.each([...ECHOED, ...HELD])(
    'stays untouched: %s by %s, then %s says %s',
    (...[before, by, dialect, mode]) => {
      const record = claimed(before, origins[by]);
      const next = reduce(record, says(dialects[dialect], mode), START + MINUTE, RULES);
      expect(next.claim).toEqual({ ...record.claim, activeAt: START + MINUTE });
      expect(next).toMatchObject({ lastActivity: START + MINUTE, version: record.version + 1 });
    },
  );

  it('is signed with who said it and when', () => {
    const next = reduce(BLANK, says(poor, 'idle'), START, RULES);
    expect(next).toEqual({
      version: 1,
      claim: { mode: 'idle', origin: QUIET, at: START, activeAt: START, expiresAt: null },
      sessions: [],
      feeds: [],
      status: null,
      lastActivity: START,
      veil: null,
      settledAt: START + 30 * MINUTE,
    });
  });

  it.each<[later: number, word: Mode, mode: Mode]>([
    [5 * MINUTE, 'idle', 'idle'],
    [30 * MINUTE, 'offline', 'offline'],
    [30 * MINUTE, 'online', 'online'],
  ])('takes the word of a timer for her own: after %d ms, %s', (later, word, mode) => {
    const next = reduce(claimed('online', LOUD), says(rich, word), START + later, RULES);
    expect(next.claim?.mode).toBe(mode);
  });

  it('stays dnd when a timer showed her gone to a network without the word', () => {
    const record = claimed('dnd', LOUD);
    for (const mode of ['online', 'idle'] as const) {
      const next = reduce(record, says(poor, mode), START + 31 * MINUTE, RULES);
      expect(next.claim).toMatchObject({ mode: 'dnd', origin: LOUD, at: START });
    }
  });
});
