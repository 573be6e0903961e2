import { describe, expect, it } from 'vitest';
import { nextChange } from '../../src/presence/expiry.ts';
import type { Mode } from '../../src/presence/record.ts';
import { BLANK } from '../../src/presence/record.ts';
import { reduceSignal } from '../../src/presence/reduce.ts';
import { project } from '../../src/presence/shown.ts';
import type { Signal } from '../../src/presence/signal.ts';
import { RULES } from '../helpers/bridge.ts';
import type { Event } from './devices.ts';
import { MINUTE, ORIGIN, play } from './devices.ts';

function modeAfter(events: readonly Event[], at: number): Mode {
  return project(play(events), at, RULES.timing).own.mode;
}

describe('sessions and what she says (semantics §5)', () => {
  it.each<[string, Event[], number, Mode]>([
    [
      'a renewal is no activity',
      [
        { at: 0, device: 'a', says: 'online' },
        { at: 4 * MINUTE, device: 'a', says: 'online', active: false },
      ],
      5 * MINUTE,
      'idle',
    ],
    [
      'a claim of dnd outlives its time while there is a session',
      [
        { at: 0, she: 'dnd' },
        { at: 0, device: 'a', says: 'online', for: 60 * MINUTE },
      ],
      40 * MINUTE,
      'dnd',
    ],
    [
      'an old claim does not outlive the last session',
      [
        { at: 0, she: 'online' },
        { at: 40 * MINUTE, device: 'a', says: 'online' },
        { at: 41 * MINUTE, device: 'a', ends: 41 * MINUTE + 30_000 },
      ],
      41 * MINUTE + 30_000,
      'offline',
    ],
    [
      'a chat claim holds while she is active on a device',
      [
        { at: 0, she: 'chat' },
        { at: 9 * MINUTE, device: 'a', says: 'online' },
      ],
      10 * MINUTE,
      'chat',
    ],
    [
      'no session lifts invisible',
      [
        { at: 0, she: 'invisible' },
        { at: 1, device: 'a', says: 'online' },
      ],
      1,
      'invisible',
    ],
  ])('%s', (_name, events, at, mode) => {
    expect(modeAfter(events, at)).toBe(mode);
  });

  it('makes room for the newest beyond the limit', () => {
    const rules = { ...RULES, maxSessions: 2 };
    const events: Event[] = [
      { at: 0, device: 'a', says: 'online', for: 3000 },
      { at: 0, device: 'b', says: 'online', for: 2000 },
      { at: 0, device: 'c', says: 'online', for: 1000 },
    ];
    const record = play(events, rules);
    expect(record.sessions.map(({ id }) => id)).toEqual(['a', 'c']);
  });

  it('says nothing new twice', () => {
    const record = play([{ at: 0, device: 'a', says: 'online' }]);
    const end: Signal = { kind: 'session-end', id: 'b', origin: ORIGIN, endsAt: 5 };
    expect(reduceSignal(record, end, 1, RULES)).toBe(record);
  });

  it('knows its last activity only when there was one', () => {
    const end: Signal = { kind: 'session-end', id: 'a', origin: ORIGIN, endsAt: 5 };
    expect(reduceSignal(BLANK, end, 1, RULES).lastActivity).toBeNull();
  });
});

describe('nextChange and settledAt', () => {
  it('name every instant at which the mode changes, and none is missed', () => {
    const record = play([
      { at: 0, she: 'online' },
      { at: 10, device: 'a', says: 'online', for: 45 * MINUTE },
      { at: 20, device: 'b', says: 'idle', for: 2 * MINUTE },
    ]);
    const instants: number[] = [];
    for (
      let at = nextChange(record, 20, RULES.timing);
      at !== null;
      at = nextChange(record, at, RULES.timing)
    ) {
      instants.push(at);
    }
    expect(instants.at(-1)).toBe(record.settledAt);
    const modes = (at: number) => project(record, at, RULES.timing).own.mode;
    for (let at = 20; at < 60 * MINUTE; at += 997) {
      const since = [20, ...instants].filter((instant) => instant <= at).at(-1) ?? 20;
      expect(modes(at)).toBe(modes(since));
    }
    expect(modes(60 * MINUTE)).toBe('offline');
  });
});
