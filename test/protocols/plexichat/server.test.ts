import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseServerJson } from '../../../src/protocols/plexichat/server-json.ts';
import {
  decodeFriends,
  decodeMembers,
  decodeRelationshipAdd,
  decodeRelationshipRemove,
  decodeServerPresence,
  decodeServerUpdate,
  decodeServerUser,
  decodeServerVersion,
  decodeSettingsOwner,
} from '../../../src/protocols/plexichat/server.ts';

const BASE = 'https://chat.example.org/plexi/';
const ALICE = '382824975331102720';
const NOTHING = { text: null, emoji: null };

describe('the JSON of the server', () => {
  it.each([
    [`{"user_id":${ALICE}}`, { user_id: ALICE }],
    [ALICE, ALICE],
    [`[1,-${ALICE},999999999999999,1234567890123456]`, [1, `-${ALICE}`, 999999999999999, '1234567890123456']],
    [
      `[1.2345678901234567,12345678901234567.5,1e20,12345678901234567e2]`,
      [1.2345678901234567, 12345678901234567.5, 1e20, 12345678901234567e2],
    ],
    [`{"a\\"${ALICE}":" ${ALICE}, [${ALICE}] "}`, { [`a"${ALICE}`]: ` ${ALICE}, [${ALICE}] ` }],
    [`["\\\\",${ALICE},"\\\\\\"",${ALICE}]`, ['\\', ALICE, '\\"', ALICE]],
    [`["${ALICE}" ,\n${ALICE}\t]`, [ALICE, ALICE]],
    [`"/avatars/users/${ALICE}"`, `/avatars/users/${ALICE}`],
  ])('keeps long integers: %s', (text, value) => {
    expect(parseServerJson(text)).toEqual(value);
  });

  it.each([
    '',
    '{',
    `{${ALICE}:1}`,
    `0${ALICE}`,
    `[${ALICE}`,
    `--${ALICE}`,
    `+${ALICE}`,
    `"${ALICE}`,
    `${ALICE}.`,
    `1 ${ALICE}`,
  ])('is refused as by JSON.parse: %s', (text) => {
    expect(() => parseServerJson(text)).toThrow(SyntaxError);
  });

  it('is what was written, with long integers as their digits', () => {
    const scalar = fc.oneof(
      fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }),
      fc.bigInt({ min: 10n ** 14n, max: 10n ** 17n }),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.boolean(),
      fc.constant(null),
      fc.string({ unit: 'binary' }),
      fc.string({
        unit: fc.constantFrom('"', '\\', '1', '9', '0', '.', ',', ':', ' ', '-', 'e', '[', '{'),
        maxLength: 60,
      }),
    );
    const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
      tree: fc.oneof(
        { depthSize: 'medium' },
        scalar,
        fc.array(tie('tree'), { maxLength: 5 }),
        fc
          .array(fc.tuple(fc.oneof(fc.string(), fc.bigInt().map(String)), tie('tree')), { maxLength: 5 })
          .map((entries) => new Map(entries)),
      ),
    }));
    fc.assert(
      fc.property(tree, fc.constantFrom('', ' ', '\n\t'), (value, space) => {
        expect(parseServerJson(written(value, space))).toEqual(expected(value));
      }),
      { numRuns: 500 },
    );
  });

  it('throws for exactly what is no JSON', () => {
    const piece = fc.constantFrom(
      '"',
      '\\',
      '12345678901234567',
      '0',
      '-',
      '.',
      'e',
      ',',
      ':',
      '[',
      ']',
      '{',
      '}',
      ' ',
      'a',
      'true',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
        const text = pieces.join('');
        expect(throws(() => parseServerJson(text))).toBe(throws(() => JSON.parse(text) as unknown));
      }),
      { numRuns: 5000 },
    );
  });

  it('may be as long as a message can be', () => {
    const text = JSON.stringify(['\n"'.repeat(900_000), 1]).replace(/1]$/, `${ALICE}]`);
    expect((parseServerJson(text) as unknown[])[1]).toBe(ALICE);
  });
});

/** JSON in which integers have all their digits. */
function written(value: unknown, space: string): string {
  if (typeof value === 'bigint') return String(value);
  if (Array.isArray(value)) return `[${value.map((item) => space + written(item, space)).join(',')}${space}]`;
  if (!(value instanceof Map)) return JSON.stringify(value);
  const entries = [...value].map(
    ([key, item]) => `${JSON.stringify(key)}${space}:${space}${written(item, space)}`,
  );
  return `{${entries.join(`${space},`)}}`;
}

function expected(value: unknown): unknown {
  if (typeof value === 'bigint')
    return String(value).replace('-', '').length >= 16 ? String(value) : Number(value);
  // JSON has no negative zero, and long doubles without a fraction are written as integers.
  if (typeof value === 'number')
    return /^-?\d{16,}$/.test(JSON.stringify(value)) ? JSON.stringify(value) : value + 0;
  if (Array.isArray(value)) return value.map(expected);
  if (!(value instanceof Map)) return value;
  const entries = [...value].map(([key, item]) => `${JSON.stringify(key)}:${JSON.stringify(expected(item))}`);
  return JSON.parse(`{${entries.join(',')}}`);
}

function throws(run: () => unknown): boolean {
  try {
    run();
    return false;
  } catch {
    return true;
  }
}

describe('a presence object', () => {
  const presence = (changes: object) =>
    decodeServerPresence({
      user_id: ALICE,
      status: 'dnd',
      custom_status: 'hello',
      custom_emoji: ':wave:',
      last_seen: 1_795_339_886_510,
      ...changes,
    });

  it('tells the user, her mode, status and last write', () => {
    expect(presence({ unknown: {} })).toEqual({
      userId: ALICE,
      mode: 'dnd',
      status: { text: 'hello', emoji: ':wave:' },
      seenAt: 1_795_339_886_510,
    });
  });

  it.each(['online', 'idle', 'dnd', 'offline', 'invisible'])('may be %s', (status) => {
    expect(presence({ status })?.mode).toBe(status);
  });

  it.each([
    [0, null],
    [null, null],
    [undefined, null],
    ['soon', null],
    [-5, null],
    [1e300, null],
    [8.64e15, 8.64e15],
    [1, 1000],
    [1_795_339_886, 1_795_339_886_000],
    [1_795_339_886.5, 1_795_339_886_500],
    [1e11 - 1, 99_999_999_999_000],
    [1e11, 1e11],
    [1_795_339_886_510.7, 1_795_339_886_510],
  ])('was seen at %s: %s', (last_seen, seenAt) => {
    expect(presence({ last_seen })).toMatchObject({ seenAt });
  });

  it.each([
    [{ custom_status: null, custom_emoji: null }, NOTHING],
    [{ custom_status: undefined, custom_emoji: undefined }, NOTHING],
    [{ custom_status: '', custom_emoji: '' }, NOTHING],
    [
      { custom_status: '   ', custom_emoji: '' },
      { text: '   ', emoji: null },
    ],
    [
      { custom_status: '🔥'.repeat(128), custom_emoji: null },
      { text: '🔥'.repeat(128), emoji: null },
    ],
  ])('has a status: %j', (changes, status) => {
    expect(presence(changes)?.status).toEqual(status);
  });

  it.each([
    { user_id: 'alice' },
    { user_id: '0' },
    { user_id: '-1' },
    { user_id: String(2n ** 63n) },
    { user_id: 1.5 },
    { user_id: undefined },
    { status: 'away' },
    { status: 'ONLINE' },
    { status: null },
    { custom_status: 5 },
    { custom_emoji: {} },
    { custom_status: 'x'.repeat(129) },
    { custom_status: '\ud800' },
  ])('is none with %j', (changes) => {
    expect(presence(changes)).toBeNull();
  });

  it('has ids as text, short numbers as well', () => {
    expect(presence({ user_id: 7 })?.userId).toBe('7');
    expect(presence({ user_id: '007' })?.userId).toBe('7');
  });

  it.each([null, undefined, 5, 'x', []])('is none: %j', (value) => {
    expect(decodeServerPresence(value)).toBeNull();
  });
});

describe('PRESENCE_UPDATE', () => {
  const update = (changes: object) => decodeServerUpdate({ user_id: ALICE, status: 'online', ...changes });

  it.each([
    [{ custom_status: null, custom_emoji: null }, undefined],
    [{}, undefined],
    [{ custom_status: '', custom_emoji: '' }, NOTHING],
    [{ custom_status: '', custom_emoji: null }, NOTHING],
    [{ custom_status: null, custom_emoji: '' }, NOTHING],
    [{ custom_status: '', custom_emoji: 'e' }, NOTHING],
    [
      { custom_status: 'text', custom_emoji: null },
      { text: 'text', emoji: null },
    ],
    [
      { custom_status: 'text', custom_emoji: '' },
      { text: 'text', emoji: null },
    ],
    [
      { custom_status: 'text', custom_emoji: 'e' },
      { text: 'text', emoji: 'e' },
    ],
    [
      { custom_status: null, custom_emoji: 'e' },
      { text: null, emoji: 'e' },
    ],
    [{ custom_status: 5 }, undefined],
    [{ custom_status: 'text', custom_emoji: 5 }, undefined],
    [{ custom_status: { a: 1 } }, undefined],
    [{ custom_status: 'x'.repeat(300) }, undefined],
    [{ custom_status: 'text', custom_emoji: 'x'.repeat(65) }, undefined],
    [{ custom_status: '\udc00' }, undefined],
  ])('says of the status: %j', (changes, status) => {
    expect(update(changes)).toEqual({ userId: ALICE, mode: 'online', status });
  });

  it.each(['offline', 'invisible'])('is not believed about the status of who is %s', (status) => {
    const hidden = { status, custom_status: 'i am hidden', custom_emoji: ':h:' };
    expect(update(hidden)).toEqual({ userId: ALICE, mode: status, status: undefined });
  });

  it.each([{ user_id: null }, { status: 'away' }, { status: 5 }])('cannot be used with %j', (changes) => {
    expect(update(changes)).toBeNull();
  });
});

describe('lists', () => {
  const entry = { user_id: ALICE, username: 'alice', status: 'friend', presence: { status: 'idle' } };

  it('of relationships hold the friends only', () => {
    const other = (status: unknown) => ({ user_id: '5', status });
    const list = [other('pending_incoming'), entry, other('pending_outgoing'), other('blocked')];
    expect(decodeFriends(list, BASE)).toEqual([{ userId: ALICE, username: 'alice', mode: 'idle' }]);
    expect(decodeFriends([], BASE)).toEqual([]);
  });

  it.each([{}, null, [{ user_id: ALICE }], [entry, { status: 'friend' }], [entry, null]])(
    'are none: %j',
    (list) => {
      expect(decodeFriends(list, BASE)).toBeNull();
    },
  );

  it('of members may show who is invisible', () => {
    const members = decodeMembers([{ ...entry, presence: { status: 'invisible' } }, { user_id: 5 }], BASE);
    expect(members).toEqual([
      { userId: ALICE, username: 'alice', mode: 'invisible' },
      { userId: '5', username: null, mode: null },
    ]);
    expect(decodeMembers([{ ...entry, user_id: 'x' }], BASE)).toBeNull();
    expect(decodeMembers({}, BASE)).toBeNull();
  });

  it.each([
    [{ username: '' }, { username: null }],
    [{ username: 5 }, { username: null }],
    [{ username: 'x'.repeat(129) }, { username: null }],
    [{ presence: null }, { mode: null }],
    [{ presence: { status: 'away' } }, { mode: null }],
    [{ presence: 'idle' }, { mode: null }],
  ])('do without what they do not tell: %j', (changes, told) => {
    expect(decodeMembers([{ ...entry, ...changes }], BASE)).toMatchObject([told]);
  });

  it.each([
    ['/api/v1/avatars/users/1', `${BASE}api/v1/avatars/users/1`],
    [null, null],
    ['', null],
    [undefined, undefined],
    [5, undefined],
  ])('have the avatar %j: %j', (avatar_url, avatarUrl) => {
    const list = [{ user_id: '5' }, { ...entry, avatar_url }];
    for (const decode of [decodeFriends, decodeMembers]) {
      expect(
        decode([{ ...list[0], status: 'friend' }, list[1]], BASE)?.map((each) => each.avatarUrl),
      ).toEqual([undefined, avatarUrl]);
    }
  });
});

describe('relationship events', () => {
  it.each(['friend', 'pending_incoming', 'pending_outgoing', 'blocked', 'unheard_of'])(
    'ADD of %s',
    (status) => {
      const event = { user_id: ALICE, username: 'alice', status, presence: { status: 'dnd' }, created_at: 1 };
      const isFriend = status === 'friend';
      expect(decodeRelationshipAdd(event)).toEqual({
        userId: ALICE,
        username: 'alice',
        mode: 'dnd',
        isFriend,
      });
    },
  );

  it('REMOVE ends a friendship', () => {
    const removed = { userId: ALICE, username: null, mode: null, isFriend: false };
    expect(decodeRelationshipRemove({ user_id: ALICE })).toEqual(removed);
  });

  it('cannot be used without a user or a kind', () => {
    expect([decodeRelationshipAdd({ user_id: ALICE }), decodeRelationshipAdd({ status: 'friend' })]).toEqual([
      null,
      null,
    ]);
    expect(decodeRelationshipRemove({})).toBeNull();
  });
});

describe('a user', () => {
  const avatarOf = (avatar_url: unknown) =>
    decodeServerUser({ id: ALICE, username: 'alice', avatar_url }, BASE)?.avatarUrl;

  it.each([
    ['/api/v1/avatars/users/1', 'https://chat.example.org/plexi/api/v1/avatars/users/1'],
    ['https://cdn.example.org/a.png', 'https://cdn.example.org/a.png'],
    ['//evil.example/a.png', 'https://chat.example.org/plexi//evil.example/a.png'],
    ['javascript:alert(1)', null],
    ['data:image/png;base64,AA==', null],
    ['a.png', null],
    ['', null],
    [null, null],
    [5, null],
    [undefined, null],
  ])('has the avatar %s: %s', (url, absolute) => {
    expect(avatarOf(url)).toBe(absolute);
  });

  it('has an id and a name', () => {
    const user = decodeServerUser({ id: ALICE, username: 'alice' }, BASE);
    expect(user).toEqual({ userId: ALICE, username: 'alice', avatarUrl: null });
    expect(decodeServerUser({ username: 'alice' }, BASE)).toBeNull();
  });
});

describe('other answers', () => {
  it('tell whose token it is', () => {
    expect(decodeSettingsOwner({ user_id: ALICE, read_receipts_enabled: true })).toBe(ALICE);
    expect([decodeSettingsOwner({ id: ALICE }), decodeSettingsOwner(null)]).toEqual([null, null]);
  });

  it('tell the version', () => {
    expect(decodeServerVersion({ version: { string: 'a.1.0-132', stage: 'a' } })).toBe('a.1.0-132');
    expect([decodeServerVersion({ version: 'a' }), decodeServerVersion(null)]).toEqual([null, null]);
  });
});
