import { describe, expect, it } from 'vitest';
import type { NetworkName } from '../../src/presence/identity.ts';
import type { Mode, PresenceRecord, SessionMode } from '../../src/presence/record.ts';
import { BLANK } from '../../src/presence/record.ts';
import { nextChange } from '../../src/presence/expiry.ts';
import { reduce, reduceSignal } from '../../src/presence/reduce.ts';
import type { Signal } from '../../src/presence/signal.ts';
import { project } from '../../src/presence/shown.ts';
import { bridgeDialect } from '../../src/surfaces/bridge/dialect.ts';
import { RULES } from '../helpers/bridge.ts';

const ORIGIN = 'left' as NetworkName;
const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** What happens, by time in ms: a device says a mode for a while, a device goes, or she herself says a mode. */
type Event =
  | { at: number; device: string; says: SessionMode; for?: number; active?: boolean }
  | { at: number; device: string; ends: number }
  | { at: number; she: Mode };

function signalOf(event: Exclude<Event, { she: Mode }>): Signal {
  const named = { id: event.device, origin: ORIGIN };
  if ('ends' in event) return { kind: 'session-end', ...named, endsAt: event.ends };
  const endsAt = event.at + (event.for ?? 10 * MINUTE);
  return { kind: 'session', ...named, mode: event.says, active: event.active ?? true, endsAt };
}

function play(events: readonly Event[]): PresenceRecord {
  return events.reduce((record, event) => {
    if (!('she' in event)) return reduceSignal(record, signalOf(event), event.at, RULES);
    const write = { dialect: bridgeDialect, mode: event.she, status: { kind: 'keep' } } as const;
    return reduce(record, write, event.at, RULES);
  }, BLANK);
}

function modeAfter(events: readonly Event[], at: number): Mode {
  return project(play(events), at, RULES.timing).own.mode;
}

describe('several devices (semantics §5)', () => {
  it.each<[string, Event[], number, Mode]>([
    ['one online', [{ at: 0, device: 'a', says: 'online' }], 0, 'online'],
    ['one idle', [{ at: 0, device: 'a', says: 'idle' }], 0, 'idle'],
    [
      'online outbids idle',
      [
        { at: 0, device: 'a', says: 'idle' },
        { at: 0, device: 'b', says: 'online' },
      ],
      0,
      'online',
    ],
    [
      'dnd outbids online',
      [
        { at: 0, device: 'a', says: 'dnd' },
        { at: 0, device: 'b', says: 'online' },
      ],
      0,
      'dnd',
    ],
    [
      'losing one of two',
      [
        { at: 0, device: 'a', says: 'online' },
        { at: 0, device: 'b', says: 'idle' },
        { at: 1, device: 'a', ends: 1 },
      ],
      1,
      'idle',
    ],
    [
      'losing the last one, within the grace',
      [
        { at: 0, device: 'a', says: 'online' },
        { at: 1, device: 'a', ends: 30_001 },
      ],
      30_000,
      'online',
    ],
    [
      'losing the last one, after the grace',
      [
        { at: 0, device: 'a', says: 'online' },
        { at: 1, device: 'a', ends: 30_001 },
      ],
      30_001,
      'offline',
    ],
    [
      'back within the grace',
      [
        { at: 0, device: 'a', says: 'online' },
        { at: 1, device: 'a', ends: 30_001 },
        { at: 20_000, device: 'a', says: 'online' },
      ],
      40_000,
      'online',
    ],
    ['a lease that ran out', [{ at: 0, device: 'a', says: 'online', for: 5000 }], 5000, 'offline'],
    [
      'quiet for the idle time, less 1 ms',
      [{ at: 0, device: 'a', says: 'online' }],
      5 * MINUTE - 1,
      'online',
    ],
    ['quiet for the idle time', [{ at: 0, device: 'a', says: 'online' }], 5 * MINUTE, 'idle'],
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
      'an activity is',
      [
        { at: 0, device: 'a', says: 'online' },
        { at: 4 * MINUTE, device: 'a', says: 'online' },
      ],
      5 * MINUTE,
      'online',
    ],
    [
      'a claim of idle over a session',
      [
        { at: 0, device: 'a', says: 'online' },
        { at: 1, she: 'idle' },
      ],
      1,
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
      'a session that opens ends an offline claim',
      [
        { at: 0, she: 'offline' },
        { at: 1, device: 'a', says: 'online' },
      ],
      1,
      'online',
    ],
    [
      'a session that goes on does not',
      [
        { at: 0, device: 'a', says: 'online' },
        { at: 1, she: 'offline' },
        { at: 2, device: 'a', says: 'online' },
      ],
      2,
      'offline',
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
    let record = BLANK;
    for (const event of events) {
      if (!('she' in event)) record = reduceSignal(record, signalOf(event), event.at, rules);
    }
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
