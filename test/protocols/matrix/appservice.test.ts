import { describe, expect, it } from 'vitest';
import type { BridgeError } from '../../../src/presence/errors.ts';
import { decodeTransaction } from '../../../src/protocols/matrix/appservice.ts';

const ALICE = '@alice:home.test';
const UNSTABLE = 'de.sorunome.msc2409.ephemeral';

function presence(content: object, sender = ALICE): object {
  return { type: 'm.presence', sender, content };
}

function decode(...ephemeral: unknown[]) {
  return decodeTransaction({ events: [], ephemeral });
}

const online = { presence: 'online' };
const NOTHING = { updates: [], hasPresence: false, skipped: 0 };

describe('a transaction', () => {
  it.each([
    ['nothing', undefined],
    ['null', null],
    ['a list', []],
    ['no events', { ephemeral: [] }],
    ['events that are no list', { events: {}, ephemeral: [] }],
  ])('is refused with %s', (_name, body) => {
    expect(() => decodeTransaction(body)).toThrow(
      expect.objectContaining({ code: 'bad_json' } satisfies Partial<BridgeError>),
    );
  });

  it('may be without presence, and hold whatever else', () => {
    const body = {
      events: [{ type: 'm.room.message' }, 5],
      'org.matrix.msc3202.device_lists': {},
      'de.sorunome.msc2409.to_device': [presence(online)],
    };
    expect(decodeTransaction(body)).toEqual(NOTHING);
  });

  it('is read from the stable key, else from the unstable one, never from both', () => {
    const [stable, unstable] = [[presence(online)], [presence({ presence: 'offline' })]];
    const wordsOf = (body: object) =>
      decodeTransaction({ events: [], ...body }).updates.map((u) => u.presence);
    expect(wordsOf({ ephemeral: stable })).toEqual(['online']);
    expect(wordsOf({ [UNSTABLE]: unstable })).toEqual(['offline']);
    expect(wordsOf({ ephemeral: stable, [UNSTABLE]: unstable })).toEqual(['online']);
    expect(wordsOf({ ephemeral: [], [UNSTABLE]: unstable })).toEqual([]);
    expect(wordsOf({ ephemeral: null, [UNSTABLE]: unstable })).toEqual(['offline']);
  });

  it('has only the newest of each user, in the order in which they were told', () => {
    const { updates, skipped } = decode(
      presence({ presence: 'online', status_msg: 'old' }),
      presence(online, '@bob:home.test'),
      presence({ presence: 'unavailable' }),
    );
    expect(updates.map(({ sender, mode, statusMsg }) => [sender, mode, statusMsg])).toEqual([
      ['@bob:home.test', 'online', null],
      [ALICE, 'idle', null],
    ]);
    expect(skipped).toBe(0);
  });

  it('leaves typing and receipts alone', () => {
    expect(decode({ type: 'm.typing', room_id: '!r', content: { user_ids: [ALICE] } })).toEqual(NOTHING);
    expect(decode({ type: 'm.receipt' })).toEqual(NOTHING);
  });

  it('tells that there was presence even when none of it could be read', () => {
    expect(decode(presence({}))).toEqual({ updates: [], hasPresence: true, skipped: 1 });
  });
});

describe('an item', () => {
  it.each([
    ['online', 'online'],
    ['free_for_chat', 'chat'],
    ['unavailable', 'idle'],
    ['org.matrix.msc3026.busy', 'dnd'],
    ['busy', 'dnd'],
    ['offline', 'offline'],
  ])('that says %s means %s', (word, mode) => {
    expect(decode(presence({ presence: word })).updates).toEqual([
      { sender: ALICE, presence: word, mode, statusMsg: null, activeAgoMs: null, currentlyActive: false },
    ]);
  });

  it('may say text and activity', () => {
    const content = { ...online, status_msg: '💻 here', last_active_ago: 1234.6, currently_active: true };
    expect(decode(presence(content)).updates[0]).toMatchObject({
      statusMsg: '💻 here',
      activeAgoMs: 1235,
      currentlyActive: true,
    });
    expect(decode(presence({ ...online, last_active_ago: 0 })).updates[0]?.activeAgoMs).toBe(0);
  });

  it.each([
    ['status_msg null', { status_msg: null }],
    ['status_msg empty', { status_msg: '' }],
    ['status_msg a number', { status_msg: 5 }],
    ['a status_msg with a lone surrogate', { status_msg: '\ud800' }],
    ['last_active_ago negative', { last_active_ago: -1 }],
    ['last_active_ago a text', { last_active_ago: '5' }],
    ['last_active_ago endless', { last_active_ago: Infinity }],
    ['currently_active a text', { currently_active: 'true' }],
    ['unknown keys', { displayname: 'Alice', user_id: '@x' }],
  ])('counts with %s, without what cannot be used', (_name, rest) => {
    expect(decode(presence({ ...online, ...rest }))).toEqual({
      updates: [
        {
          sender: ALICE,
          presence: 'online',
          mode: 'online',
          statusMsg: null,
          activeAgoMs: null,
          currentlyActive: false,
        },
      ],
      hasPresence: true,
      skipped: 0,
    });
  });

  it('is cut where its text is longer than the bridge keeps', () => {
    const text = decode(presence({ ...online, status_msg: '💻'.repeat(3000) })).updates[0]?.statusMsg ?? '';
    expect(Array.from(text)).toHaveLength(2048);
    expect(text.endsWith('💻…')).toBe(true);
  });

  it.each([
    ['null', null],
    ['a text', 'm.presence'],
    ['a list', []],
    ['no type', { sender: ALICE, content: online }],
    ['no sender', { type: 'm.presence', content: online }],
    ['a sender that is no user id', presence(online, 'alice')],
    ['no content', { type: 'm.presence', sender: ALICE }],
    ['no presence', presence({})],
    ['presence null', presence({ presence: null })],
    ['an unknown word', presence({ presence: 'away' })],
    ['no word', presence({ presence: '' })],
    ['invisible', presence({ presence: 'invisible' })],
    ['a name that objects inherit', presence({ presence: 'constructor' })],
  ])('is skipped and counted with %s', (_name, item) => {
    const { updates, skipped } = decode(item, presence(online, '@bob:home.test'));
    expect(updates.map(({ sender }) => sender)).toEqual(['@bob:home.test']);
    expect(skipped).toBe(1);
  });

  it('that cannot be read does not hide one before it', () => {
    expect(decode(presence(online), presence({ presence: 'away' })).updates[0]?.mode).toBe('online');
  });
});
