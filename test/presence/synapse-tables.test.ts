import { describe, expect, it } from 'vitest';
import { modeAt, nextChange } from '../../src/presence/expiry.ts';
import type { Mode, SessionMode } from '../../src/presence/record.ts';
import { BLANK } from '../../src/presence/record.ts';
import { project } from '../../src/presence/shown.ts';
import { RULES } from '../helpers/bridge.ts';
import type { Event } from './devices.ts';
import { after, MINUTE, play, SECOND } from './devices.ts';

/*
 * How Synapse combines devices and lets them time out (what its own tests of presence try, in our words), and what is
 * the same here. Where it is not, the row says what Synapse does and which clause of semantics.md wants it otherwise.
 * Its busy is our dnd, its unavailable our idle; a device that is offline there says nothing here.
 */

const { timing } = RULES;
const GRACE = 30 * SECOND;

/** What Synapse does instead, and the clause. */
type Otherwise = readonly [synapse: string, clause: string];
type Says = SessionMode | 'nothing';

/** Everything that she is after one another, as `<minutes>:<seconds> <mode>`, from the beginning to the end of time. */
function timeline(events: readonly Event[]): string {
  const seen: string[] = [];
  let record = BLANK;
  let last: Mode = 'offline';
  const see = (at: number) => {
    const mode = modeAt(record, at, timing);
    if (mode !== last || seen.length === 0) seen.push(`${clock(at)} ${mode}`);
    last = mode;
  };
  if (events[0]?.at !== 0) see(0);
  for (const [i, event] of events.entries()) {
    record = after(record, event);
    const next = events[i + 1]?.at ?? Infinity;
    if (next === event.at) continue;
    see(event.at);
    for (
      let at = nextChange(record, event.at, timing);
      at !== null && at < next;
      at = nextChange(record, at, timing)
    ) {
      expect(modeAt(record, at - 1, timing), `1 ms before ${clock(at)}`).toBe(last);
      see(at);
    }
  }
  return seen.join(', ');
}

function clock(at: number): string {
  const seconds = at / SECOND;
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

function check(events: readonly Event[], expected: string, otherwise?: Otherwise): void {
  expect(timeline(events)).toBe(expected);
  if (!otherwise) return;
  const [synapse, clause] = otherwise;
  expect(synapse, 'no difference is left').not.toBe(expected);
  expect(clause).toMatch(/^§\d/);
}

function syncs(device: string, says: Says, at: number, length: number): Event[] {
  return says === 'nothing' ? [] : [{ at, device, says, for: length }];
}

function stops(device: string, says: Says, at: number): Event[] {
  return says === 'nothing' ? [] : [{ at, device, ends: at + GRACE }];
}

describe('two devices that go on syncing: the first since 0:00, the other since 2:30', () => {
  it.each<[first: Says, second: Says, expected: string]>([
    ['dnd', 'dnd', '0:00 dnd'],
    ['online', 'online', '0:00 online, 7:30 idle'],
    ['idle', 'idle', '0:00 idle'],
    ['nothing', 'nothing', '0:00 offline'],
    // The second says less.
    ['dnd', 'online', '0:00 dnd'],
    ['dnd', 'idle', '0:00 dnd'],
    ['dnd', 'nothing', '0:00 dnd'],
    ['online', 'idle', '0:00 online, 5:00 idle'],
    ['online', 'nothing', '0:00 online, 5:00 idle'],
    ['idle', 'nothing', '0:00 idle'],
    // The second says more.
    ['online', 'dnd', '0:00 online, 2:30 dnd'],
    ['idle', 'dnd', '0:00 idle, 2:30 dnd'],
    ['nothing', 'dnd', '0:00 offline, 2:30 dnd'],
    ['idle', 'online', '0:00 idle, 2:30 online, 7:30 idle'],
    ['nothing', 'online', '0:00 offline, 2:30 online, 7:30 idle'],
    ['nothing', 'idle', '0:00 offline, 2:30 idle'],
  ])('%s and %s', (first, second, expected) => {
    const half = 150 * SECOND;
    check([...syncs('1', first, 0, Infinity), ...syncs('2', second, half, Infinity)], expected);
  });
});

describe('two devices that sync since 0:00, until the first stops at 1:00 and the other at 2:00', () => {
  const BUSY_ENDS = '§5: a session ends with its connection plus grace, whatever it says';
  it.each<[first: Says, second: Says, expected: string, otherwise?: Otherwise]>([
    ['dnd', 'dnd', '0:00 dnd, 2:30 offline', ['0:00 dnd, 62:00 offline', BUSY_ENDS]],
    ['online', 'online', '0:00 online, 2:30 offline'],
    ['idle', 'idle', '0:00 idle, 2:30 offline'],
    ['nothing', 'nothing', '0:00 offline'],
    // The second says less.
    ['dnd', 'online', '0:00 dnd, 1:30 online, 2:30 offline', ['0:00 dnd, 61:00 offline', BUSY_ENDS]],
    ['dnd', 'idle', '0:00 dnd, 1:30 idle, 2:30 offline', ['0:00 dnd, 61:00 offline', BUSY_ENDS]],
    ['dnd', 'nothing', '0:00 dnd, 1:30 offline', ['0:00 dnd, 61:00 offline', BUSY_ENDS]],
    ['online', 'idle', '0:00 online, 1:30 idle, 2:30 offline'],
    ['online', 'nothing', '0:00 online, 1:30 offline'],
    ['idle', 'nothing', '0:00 idle, 1:30 offline'],
    // The second says more.
    ['online', 'dnd', '0:00 dnd, 2:30 offline', ['0:00 dnd, 62:00 offline', BUSY_ENDS]],
    ['idle', 'dnd', '0:00 dnd, 2:30 offline', ['0:00 dnd, 62:00 offline', BUSY_ENDS]],
    ['nothing', 'dnd', '0:00 dnd, 2:30 offline', ['0:00 dnd, 62:00 offline', BUSY_ENDS]],
    ['idle', 'online', '0:00 online, 2:30 offline'],
    ['nothing', 'online', '0:00 online, 2:30 offline'],
    ['nothing', 'idle', '0:00 idle, 2:30 offline'],
  ])('%s and %s', (first, second, expected, otherwise) => {
    const events = [
      ...syncs('1', first, 0, 60 * MINUTE),
      ...syncs('2', second, 0, 60 * MINUTE),
      ...stops('1', first, MINUTE),
      ...stops('2', second, 2 * MINUTE),
    ];
    check(events, expected, otherwise);
  });
});

describe('one device and its timers', () => {
  it.each<[name: string, events: Event[], expected: string, otherwise?: Otherwise]>([
    [
      'a request held for long',
      syncs('1', 'online', 0, 10 * MINUTE),
      '0:00 online, 5:00 idle, 10:00 offline',
    ],
    [
      'a request held for 20 s, then nothing',
      [...syncs('1', 'online', 0, MINUTE), ...stops('1', 'online', 20 * SECOND)],
      '0:00 online, 0:50 offline',
      ['0:00 online, 0:30 offline', '§5: the grace begins when the request ends, not when it began'],
    ],
    [
      'another request within the grace',
      [
        ...syncs('1', 'online', 0, MINUTE),
        ...stops('1', 'online', 20 * SECOND),
        ...syncs('1', 'online', 49 * SECOND, MINUTE),
      ],
      '0:00 online, 1:49 offline',
    ],
    [
      'another request after it, which says less',
      [
        ...syncs('1', 'online', 0, MINUTE),
        ...stops('1', 'online', 20 * SECOND),
        ...syncs('1', 'idle', 50 * SECOND, MINUTE),
      ],
      '0:00 online, 0:50 idle, 1:50 offline',
    ],
    [
      'the same device says less, then more',
      [
        ...syncs('1', 'online', 0, 10 * MINUTE),
        ...syncs('1', 'idle', MINUTE, 10 * MINUTE),
        ...syncs('1', 'online', 2 * MINUTE, 10 * MINUTE),
      ],
      '0:00 online, 1:00 idle, 2:00 online, 7:00 idle, 12:00 offline',
    ],
    [
      'requests that follow each other are activity each',
      [
        ...syncs('1', 'online', 0, 5 * MINUTE),
        ...syncs('1', 'online', 4 * MINUTE, 5 * MINUTE),
        ...syncs('1', 'online', 8 * MINUTE, 5 * MINUTE),
      ],
      '0:00 online, 13:00 offline',
    ],
  ])('%s', (_name, events, expected, otherwise) => check(events, expected, otherwise));
});

describe('what she says herself, with and without a device', () => {
  const CLAIM = '§5.3: a claim holds for its own time, also without a session';
  const LAST = '§4: there is one claim for all devices, and the last write wins';
  const always = (says: Says, at: number) => syncs('1', says, at, 120 * MINUTE);
  it.each<[name: string, events: Event[], expected: string, otherwise?: Otherwise]>([
    [
      'online, no device',
      [{ at: 0, she: 'online' }],
      '0:00 online, 5:00 idle, 30:00 offline',
      ['0:00 online, 1:00 offline', CLAIM],
    ],
    [
      'idle, no device',
      [{ at: 0, she: 'idle' }],
      '0:00 idle, 30:00 offline',
      ['0:00 idle, 0:30 offline', CLAIM],
    ],
    [
      'dnd, no device',
      [{ at: 0, she: 'dnd' }],
      '0:00 dnd, 30:00 offline',
      ['0:00 dnd, 60:00 offline', '§5.3: all four durations are settings'],
    ],
    [
      'online on a device',
      [...always('online', 0), { at: 1000, she: 'online' }],
      '0:00 online, 5:01 idle, 120:00 offline',
    ],
    [
      'dnd on a device that is online',
      [{ at: 0, she: 'dnd' }, ...always('online', 1000)],
      '0:00 dnd, 120:01 offline',
    ],
    [
      'idle, then a device without a word of her',
      [{ at: 0, she: 'idle' }, ...always('nothing', 1000)],
      '0:00 idle, 30:00 offline',
      ['0:00 idle, 0:30 offline', CLAIM],
    ],
    [
      'idle, then a device that is online',
      [{ at: 0, she: 'idle' }, ...always('online', 1000)],
      '0:00 idle, 120:01 offline',
      ['0:00 idle, 0:01 online, 5:01 idle, 120:01 offline', '§5.5: signals never change what she said'],
    ],
    [
      'offline while a device goes on',
      [...always('online', 0), { at: 1000, she: 'offline' }, ...syncs('1', 'online', 2000, 120 * MINUTE)],
      '0:00 online, 0:01 offline',
      [
        '0:00 online, 0:01 offline, 0:02 online, 5:02 idle, 120:02 offline',
        '§5: only a session that opens ends it',
      ],
    ],
    [
      'offline, then a device that comes',
      [{ at: 0, she: 'offline' }, ...syncs('1', 'online', 1000, MINUTE)],
      '0:00 offline, 0:01 online, 1:01 offline',
    ],
    [
      'online on one device, then idle on another, then offline on the first',
      [
        { at: 0, she: 'online' },
        { at: 1000, she: 'idle' },
        { at: 2000, she: 'offline' },
      ],
      '0:00 online, 0:01 idle, 0:02 offline',
      ['0:00 online, 0:02 idle, 0:31 offline', LAST],
    ],
  ])('%s', (_name, events, expected, otherwise) => check(events, expected, otherwise));

  it('a status survives syncs and timeouts, and goes when she says so', () => {
    const events: Event[] = [{ at: 0, she: 'idle', text: 'lunch' }, ...always('online', 1000)];
    for (const at of [1000, 60 * MINUTE, 150 * MINUTE]) {
      expect(project(play(events), at, timing).shown.status?.text).toBe('lunch');
    }
    expect(
      project(play([...events, { at: 2000, she: 'idle', text: null }]), 2000, timing).shown.status,
    ).toBeNull();
  });

  it('a request counts as activity when it begins, not while it is held or when it ends', () => {
    const events = [...syncs('1', 'online', 7000, MINUTE), ...stops('1', 'online', 30 * SECOND)];
    expect(project(play(events), 50 * SECOND, timing).shown.lastActivity).toBe(7000);
  });
});
