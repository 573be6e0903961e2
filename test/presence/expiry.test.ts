import { describe, expect, it } from 'vitest';
import { modeAt, statusAt } from '../../src/presence/expiry.ts';
import type { Mode } from '../../src/presence/record.ts';
import { BLANK } from '../../src/presence/record.ts';
import { START } from '../helpers/clock.ts';
import { claimed, LOUD } from './dialects.ts';

const TIMING = { idleAfter: 300_000, claimTtl: 1_800_000, busyTtl: 3_600_000 };
const NEVER = { idleAfter: Infinity, claimTtl: Infinity, busyTtl: Infinity };
const YEARS = 1e12;

/** Semantics §5, without sessions. */
const ROWS: [mode: Mode, after: number, seen: Mode][] = [
  ['online', 0, 'online'],
  ['online', 299_999, 'online'],
  ['online', 300_000, 'idle'],
  ['online', 1_799_999, 'idle'],
  ['online', 1_800_000, 'offline'],
  ['chat', 299_999, 'chat'],
  ['chat', 300_000, 'idle'],
  ['chat', 1_800_000, 'offline'],
  ['idle', 0, 'idle'],
  ['idle', 1_799_999, 'idle'],
  ['idle', 1_800_000, 'offline'],
  ['dnd', 0, 'dnd'],
  ['dnd', 3_599_999, 'dnd'],
  ['dnd', 3_600_000, 'offline'],
  ['offline', 0, 'offline'],
  ['offline', YEARS, 'offline'],
  ['invisible', 0, 'invisible'],
  ['invisible', YEARS, 'invisible'],
  ['online', -1, 'online'],
];

describe('the mode at an instant', () => {
  it.each(ROWS)('%s, %d ms later: %s', (mode, after, seen) => {
    expect(modeAt(claimed(mode, LOUD), START + after, TIMING)).toBe(seen);
  });

  it.each(['online', 'chat', 'idle', 'dnd'] as const)('%s without timers stays', (mode) => {
    expect(modeAt(claimed(mode, LOUD), START + YEARS, NEVER)).toBe(mode);
  });

  it('counts from the last activity, not from the claim', () => {
    const record = claimed('online', LOUD, { lastActivity: START + 1000 });
    expect(modeAt(record, START + 300_999, TIMING)).toBe('online');
    expect(modeAt(record, START + 301_000, TIMING)).toBe('idle');
  });

  it('counts from the claim when no activity is known', () => {
    const record = claimed('online', LOUD, { lastActivity: null });
    expect(modeAt(record, START + 299_999, TIMING)).toBe('online');
    expect(modeAt(record, START + 300_000, TIMING)).toBe('idle');
  });

  it('is offline before anything was said', () => {
    expect(modeAt(BLANK, START, TIMING)).toBe('offline');
  });
});

describe('the status at an instant', () => {
  const status = { text: 'a', emoji: null, origin: LOUD, expiresAt: START };

  it('ends with the very millisecond of its expiry', () => {
    expect(statusAt(status, START - 1)).toBe(status);
    expect(statusAt(status, START)).toBeNull();
  });

  it('without expiry, or without status, stays', () => {
    const lasting = { ...status, expiresAt: null };
    expect(statusAt(lasting, START + YEARS)).toBe(lasting);
    expect(statusAt(null, START)).toBeNull();
  });
});
