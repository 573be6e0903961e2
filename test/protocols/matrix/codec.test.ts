import { describe, expect, it } from 'vitest';
import { BridgeError } from '../../../src/presence/errors.ts';
import type { CustomStatus, Mode } from '../../../src/presence/record.ts';
import { BRIDGE, MODES } from '../../../src/presence/record.ts';
import type { Own } from '../../../src/presence/shown.ts';
import {
  decodeListChange,
  decodePresence,
  encodePresence,
  encodePresenceEvent,
} from '../../../src/protocols/matrix/codec.ts';
import { MODERN, MODERN_WITH_BUSY, V1 } from '../../../src/protocols/matrix/dialect.ts';

const NOW = 1_767_225_600_000;
const BUSY = 'org.matrix.msc3026.busy';
const DIALECTS = { V1, MODERN, MODERN_WITH_BUSY };
type DialectName = keyof typeof DIALECTS;

function status(text: string | null, emoji: string | null = null): CustomStatus {
  return { text, emoji, origin: BRIDGE, expiresAt: null };
}

function face(mode: Mode, custom: CustomStatus | null = null, lastActivity: number | null = null): Own {
  return { mode, status: custom, lastActivity };
}

function codeOf(task: () => unknown): string {
  try {
    task();
  } catch (error) {
    return error instanceof BridgeError ? error.code : String(error);
  }
  return 'accepted';
}

/** Semantics §3, inward: what each word stands for; null where it is no word. */
const INWARD: [word: string, modes: Record<DialectName, Mode | null>][] = [
  ['online', { V1: 'online', MODERN: 'online', MODERN_WITH_BUSY: 'online' }],
  ['unavailable', { V1: 'idle', MODERN: 'idle', MODERN_WITH_BUSY: 'idle' }],
  ['offline', { V1: 'offline', MODERN: 'offline', MODERN_WITH_BUSY: 'offline' }],
  ['free_for_chat', { V1: 'chat', MODERN: null, MODERN_WITH_BUSY: null }],
  [BUSY, { V1: null, MODERN: null, MODERN_WITH_BUSY: 'dnd' }],
  ['busy', { V1: null, MODERN: null, MODERN_WITH_BUSY: null }],
  ['idle', { V1: null, MODERN: null, MODERN_WITH_BUSY: null }],
  ['dnd', { V1: null, MODERN: null, MODERN_WITH_BUSY: null }],
  ['hidden', { V1: null, MODERN: null, MODERN_WITH_BUSY: null }],
  ['invisible', { V1: null, MODERN: null, MODERN_WITH_BUSY: null }],
  ['Online', { V1: null, MODERN: null, MODERN_WITH_BUSY: null }],
];

/** Semantics §3, outward. */
const OUTWARD: Record<DialectName, Record<Mode, string>> = {
  V1: {
    online: 'online',
    chat: 'free_for_chat',
    idle: 'unavailable',
    dnd: 'unavailable',
    offline: 'offline',
    invisible: 'offline',
  },
  MODERN: {
    online: 'online',
    chat: 'online',
    idle: 'unavailable',
    dnd: 'unavailable',
    offline: 'offline',
    invisible: 'offline',
  },
  MODERN_WITH_BUSY: {
    online: 'online',
    chat: 'online',
    idle: 'unavailable',
    dnd: BUSY,
    offline: 'offline',
    invisible: 'offline',
  },
};
const names = Object.keys(DIALECTS) as DialectName[];

describe('words', () => {
  const inward = INWARD.flatMap(([word, modes]) => names.map((name) => ({ name, word, mode: modes[name] })));
  it.each(inward)('$name: $word stands for $mode', ({ name, word, mode }) => {
    const read = () => decodePresence({ presence: word }, DIALECTS[name]);
    if (mode === null) expect(codeOf(read)).toBe('bad_json');
    else expect(read()).toEqual({ dialect: DIALECTS[name], mode, status: { kind: 'clear-own' } });
  });

  const outward = names.flatMap((name) => MODES.map((mode) => ({ name, mode, word: OUTWARD[name][mode] })));
  it.each(outward)('$name: $mode is called $word', ({ name, mode, word }) => {
    const dialect = DIALECTS[name];
    expect(encodePresence(face(mode), dialect, NOW).presence).toBe(word);
    const who = { userId: '@a:b', displayName: null, avatarUrl: null };
    expect(encodePresenceEvent(who, face(mode), dialect, NOW)).toMatchObject({
      presence: word,
      content: { presence: word },
    });
  });
});

describe('status_msg', () => {
  it.each([
    { name: 'a text', value: 'hi', edit: { kind: 'set', text: 'hi', emoji: null } },
    { name: 'spaces', value: '  ', edit: { kind: 'set', text: '  ', emoji: null } },
    { name: 'a NUL', value: '\0', edit: { kind: 'set', text: '\0', emoji: null } },
    { name: 'nothing', value: '', edit: { kind: 'clear' } },
  ])('$name is read', ({ value, edit }) => {
    expect(decodePresence({ presence: 'online', status_msg: value }, V1).status).toEqual(edit);
  });

  it('may have 2,048 code points', () => {
    const read = (length: number) => () =>
      decodePresence({ presence: 'online', status_msg: '💻'.repeat(length) }, MODERN);
    expect(codeOf(read(2048))).toBe('accepted');
    expect(codeOf(read(2049))).toBe('bad_json');
  });

  it('says what is wrong', () => {
    expect(() => decodePresence({ presence: 'online', status_msg: 5 }, V1)).toThrow(/^status_msg: ./);
    expect(() => decodePresence([], V1)).toThrow(/^[^:]/);
  });

  it.each([
    { custom: null, line: null },
    { custom: status('coding'), line: 'coding' },
    { custom: status(null, '💻'), line: '💻' },
    { custom: status('coding', '💻'), line: '💻 coding' },
    { custom: status('coding', ':computer:'), line: '💻 coding' },
    { custom: status(null, ':+1:'), line: '👍' },
    { custom: status('x', ':no_such_thing:'), line: ':no_such_thing: x' },
    { custom: status('x', ':constructor:'), line: ':constructor: x' },
    { custom: status('x', 'computer'), line: 'computer x' },
    { custom: status('x', ':computer'), line: ':computer x' },
    { custom: status(':computer: x'), line: ':computer: x' },
    { custom: status('é'.repeat(2048)), line: 'é'.repeat(2048) },
    { custom: status('é'.repeat(2048), '💻'), line: `💻 ${'é'.repeat(2045)}…` },
  ])('shows $custom.emoji and $custom.text in one line', ({ custom, line }) => {
    for (const dialect of [V1, MODERN, MODERN_WITH_BUSY]) {
      expect(dialect.see(custom)).toEqual({ text: line, emoji: null });
    }
  });
});

describe('GET status', () => {
  it.each([
    { dialect: V1, known: face('idle'), answer: { presence: 'unavailable', status_msg: null } },
    { dialect: MODERN, known: face('idle'), answer: { presence: 'unavailable' } },
    {
      dialect: V1,
      known: face('chat', status('x'), NOW - 5),
      answer: { presence: 'free_for_chat', status_msg: 'x', last_active_ago: 5 },
    },
    {
      dialect: MODERN,
      known: face('chat', status('x'), NOW - 5),
      answer: { presence: 'online', status_msg: 'x', last_active_ago: 5, currently_active: true },
    },
  ])('of $known', ({ dialect, known, answer }) => {
    expect(encodePresence(known, dialect, NOW)).toEqual(answer);
  });

  it('never answers a negative time', () => {
    expect(encodePresence(face('offline', null, NOW + 5), V1, NOW).last_active_ago).toBe(0);
  });

  it.each([
    { mode: 'online', ago: 0, active: true },
    { mode: 'online', ago: 60_000, active: true },
    { mode: 'online', ago: 60_001, active: false },
    { mode: 'online', ago: null, active: false },
    { mode: 'chat', ago: 60_000, active: true },
    { mode: 'idle', ago: 0, active: false },
    { mode: 'dnd', ago: 0, active: false },
    { mode: 'offline', ago: 0, active: false },
    { mode: 'invisible', ago: 0, active: false },
  ] as const)('$mode and active $ago ms ago: currently active is $active', ({ mode, ago, active }) => {
    const known = face(mode, null, ago === null ? null : NOW - ago);
    for (const dialect of [MODERN, MODERN_WITH_BUSY]) {
      const answer = encodePresence(known, dialect, NOW);
      expect(answer.currently_active).toBe(active ? true : undefined);
    }
    expect(encodePresence(known, V1, NOW)).not.toHaveProperty('currently_active');
  });
});

describe('list entries', () => {
  it('leave out what is not known, on every version', () => {
    for (const dialect of [V1, MODERN]) {
      const content = { user_id: '@a:b', presence: 'offline' };
      const who = { userId: '@a:b', displayName: null, avatarUrl: null };
      const entry = { type: 'm.presence', content, accepted: true, ...content };
      expect(encodePresenceEvent(who, face('offline'), dialect, NOW)).toEqual(entry);
    }
  });

  it('carry the profile', () => {
    const who = { userId: '@a:b', displayName: 'A', avatarUrl: 'mxc://b/a' };
    const entry = encodePresenceEvent(who, face('idle', status('x'), NOW - 1), V1, NOW);
    const profile = { displayname: 'A', avatar_url: 'mxc://b/a' };
    const state = { presence: 'unavailable', status_msg: 'x', last_active_ago: 1 };
    expect(entry.content).toEqual({ user_id: '@a:b', ...state, ...profile });
  });
});

describe('list changes', () => {
  it.each([
    { body: {}, change: { invite: [], drop: [] } },
    { body: { invite: ['@a:b', '', '@a:b'] }, change: { invite: ['@a:b', '@a:b'], drop: [] } },
    { body: { drop: [''], x: 1 }, change: { invite: [], drop: [] } },
  ])('$body', ({ body, change }) => {
    expect(decodeListChange(body)).toEqual(change);
  });

  it.each([
    { body: null, code: 'bad_json' },
    { body: [], code: 'bad_json' },
    { body: { invite: '@a:b' }, code: 'bad_json' },
    { body: { invite: null }, code: 'bad_json' },
    { body: { drop: [1] }, code: 'bad_json' },
    { body: { invite: ['a'], drop: [1] }, code: 'bad_json' },
    { body: { drop: ['a'] }, code: 'bad_parameter' },
  ])('$body is $code', ({ body, code }) => {
    expect(codeOf(() => decodeListChange(body))).toBe(code);
  });
});
