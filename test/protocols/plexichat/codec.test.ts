import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BridgeError } from '../../../src/presence/errors.ts';
import type { CustomStatus } from '../../../src/presence/record.ts';
import { BLANK, BRIDGE } from '../../../src/presence/record.ts';
import type { StatusEdit } from '../../../src/presence/reduce.ts';
import { reduce } from '../../../src/presence/reduce.ts';
import type { Own } from '../../../src/presence/shown.ts';
import { NOTHING_SHOWN, project } from '../../../src/presence/shown.ts';
import { codePoints } from '../../../src/presence/text.ts';
import {
  decodePresence,
  encodePresence,
  encodeUser,
  plexichatDialect,
} from '../../../src/protocols/plexichat/codec.ts';
import { DIALECT_SETTINGS } from '../../../src/protocols/plexichat/wire.ts';
import { PROFILE, RULES } from '../../helpers/bridge.ts';
import { START } from '../../helpers/clock.ts';

const STATUSES = ['online', 'idle', 'dnd', 'invisible', 'offline'];
const EXISTING: CustomStatus = { text: 'old', emoji: ':old:', origin: BRIDGE, expiresAt: null };

function refusal(body: unknown): { code: string; message: string } {
  try {
    decodePresence(body);
  } catch (error) {
    if (error instanceof BridgeError) return { code: error.code, message: error.message };
  }
  throw new Error('accepted');
}

/** What the writer sees once a body has been applied to a record with `status`. */
function applied(body: unknown, status: CustomStatus | null = null): Own {
  const next = reduce({ ...BLANK, status }, decodePresence(body), START, RULES);
  return project(next, START, RULES.timing).own;
}

describe('decoding', () => {
  it.each(STATUSES)('%s', (status) => {
    expect(decodePresence({ status, more: 1 })).toEqual({
      dialect: plexichatDialect,
      mode: status,
      status: { kind: 'keep' },
    });
  });

  const keep: StatusEdit = { kind: 'keep' };
  const clear: StatusEdit = { kind: 'clear' };
  it.each<[text: string | null | undefined, emoji: string | null | undefined, edit: StatusEdit]>([
    [undefined, undefined, keep],
    [null, null, keep],
    ['', undefined, clear],
    ['', null, clear],
    ['', '', clear],
    ['', 'e', clear],
    [undefined, '', clear],
    [null, '', clear],
    ['text', undefined, { kind: 'set', text: 'text', emoji: null }],
    ['text', null, { kind: 'set', text: 'text', emoji: null }],
    ['text', '', { kind: 'set', text: 'text', emoji: null }],
    ['text', 'e', { kind: 'set', text: 'text', emoji: 'e' }],
    [undefined, 'e', { kind: 'set', emoji: 'e' }],
    [null, 'e', { kind: 'set', emoji: 'e' }],
    ['   ', undefined, { kind: 'set', text: '   ', emoji: null }],
  ])('text %j with emoji %j', (text, emoji, edit) => {
    expect(decodePresence({ status: 'idle', custom_status: text, custom_emoji: emoji }).status).toEqual(edit);
  });

  it('keeps the text when the emoji comes alone', () => {
    expect(applied({ status: 'online', custom_emoji: ':new:' }, EXISTING).status).toMatchObject({
      text: 'old',
      emoji: ':new:',
    });
  });

  it.each([[null], [undefined]])('%j is no body', (body) => {
    expect(refusal(body)).toEqual({ code: 'bad_json', message: 'Invalid body: Field required' });
  });

  it.each([[['online']], ['online'], [1], [true]])('%j is no object', (body) => {
    expect(refusal(body)).toEqual({ code: 'bad_json', message: '' });
  });

  it('accepts and keeps any text within the limits, to the code point', () => {
    const text = (max: number) => fc.string({ unit: 'binary', minLength: 1, maxLength: max });
    fc.assert(
      fc.property(
        fc.constantFrom(...STATUSES),
        text(128),
        text(64),
        (status, custom_status, custom_emoji) => {
          const own = applied({ status, custom_status, custom_emoji }, EXISTING);
          for (const setting of DIALECT_SETTINGS) {
            expect(encodePresence('7', own, setting)).toMatchObject({ status, custom_status, custom_emoji });
          }
        },
      ),
    );
  });

  it('changes nothing but the activity when a client echoes what it read', () => {
    const long = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 300 });
    const short = fc.string({ unit: 'binary', minLength: 1, maxLength: 64 });
    fc.assert(
      fc.property(fc.option(long), fc.option(short), (text, emoji) => {
        const status = text === null && emoji === null ? null : { ...EXISTING, text, emoji };
        const { own } = project({ ...BLANK, status }, START, RULES.timing);
        const { custom_status, custom_emoji } = encodePresence('7', own, 'documented');
        expect(codePoints(custom_status ?? '')).toBeLessThanOrEqual(128);
        expect(applied({ status: 'online', custom_status, custom_emoji }, status).status).toEqual(status);
      }),
    );
  });
});

describe('encoding', () => {
  const face: Own = { mode: 'dnd', status: EXISTING, lastActivity: START + 999 };

  it('has the documented keys in the documented order, and seconds', () => {
    expect(JSON.stringify(encodePresence('42', face, 'documented'))).toBe(
      `{"user_id":"42","status":"dnd","custom_status":"old","custom_emoji":":old:","last_seen":${START / 1000}}`,
    );
  });

  it('has milliseconds in the server dialect', () => {
    expect(encodePresence('42', face, 'server').last_seen).toBe(START + 999);
  });

  it.each([
    ['documented', null],
    ['server', 0],
  ] as const)('has nothing of the unknown in %s', (setting, last_seen) => {
    const nothing = { user_id: '7', status: 'offline', custom_status: null, custom_emoji: null, last_seen };
    expect(encodePresence('7', NOTHING_SHOWN, setting)).toEqual(nothing);
  });

  it('shows chat as online, and long texts cut', () => {
    const status = { ...EXISTING, text: '🔥'.repeat(129), emoji: null };
    expect(encodePresence('42', { ...face, mode: 'chat', status }, 'documented')).toMatchObject({
      status: 'online',
      custom_status: `${'🔥'.repeat(127)}…`,
      custom_emoji: null,
    });
  });

  it('tells who the caller is', () => {
    const id = '382824975331102720';
    const user = { id, username: id, email: null, avatar_url: null, created_at: 1_795_339_786 };
    expect(encodeUser(id, PROFILE, 'documented')).toEqual(user);
    const named = { ...PROFILE, displayName: 'Alice', avatarUrl: '/alice.png' };
    expect(encodeUser(id, named, 'server')).toEqual({
      ...user,
      username: 'Alice',
      avatar_url: '/alice.png',
      created_at: 1_795_339_786_663,
    });
  });
});
