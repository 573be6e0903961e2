import { deflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { BridgeError } from '../../../src/presence/errors.ts';
import type { Shown } from '../../../src/presence/shown.ts';
import { NOTHING_SHOWN } from '../../../src/presence/shown.ts';
import {
  checkGuild,
  decodeFrame,
  decodeIdentify,
  decodePresenceUpdate,
  decodeResume,
  encodeDispatch,
  HEARTBEAT_ACK,
  HELLO,
  INVALID_SESSION,
  presenceEvent,
  readyEvent,
} from '../../../src/protocols/plexichat/frames.ts';
import { PLEXICHAT } from '../../../src/protocols/plexichat/ids.ts';
import { PROFILE } from '../../helpers/bridge.ts';

const text = (message: string) => decodeFrame(Buffer.from(message), false);

/** JSON of exactly `length` bytes. */
const padded = (length: number) => Buffer.from(`{"op":1,"d":"${'x'.repeat(length - 15)}"}`);

describe('a frame that comes in', () => {
  it.each([
    ['{"op":1,"d":null}', { op: 1, d: null }],
    ['{"op":3,"d":{"status":"idle"},"extra":1}', { op: 3, d: { status: 'idle' } }],
    ['{"op":true}', { op: 1 }],
    ['{"op":1.0}', { op: 1 }],
    ['{"op":99}', { op: 99 }],
    ['null', null],
  ])('%s', (message, frame) => {
    expect(text(message)).toEqual(frame);
    expect(decodeFrame(Buffer.from(message), true)).toEqual(frame);
    expect(decodeFrame(deflateSync(message), true)).toEqual(frame);
  });

  it.each(['', '{"op":', '[]', '5', '"op"', 'true', '{}', '{"d":1}', '{"op":null}'])(
    'no frame: %s',
    (message) => {
      expect(() => text(message)).toThrow('Decode error');
    },
  );

  it.each(['{"op":"1"}', '{"op":{}}', '{"op":[1]}'])('no opcode: %s', (message) => {
    expect(() => text(message)).toThrow('Unknown opcode');
  });

  it.each([
    ['bytes that are no text', Buffer.from([0, 1, 2])],
    ['bytes that are no UTF-8', Buffer.from('{"op":1,"d":"\xff"}', 'latin1')],
    ['half a zlib stream', deflateSync('{"op":1}').subarray(0, 8)],
    ['a zlib stream of nothing', deflateSync('')],
    ['more than can be inflated', deflateSync(padded(262_145))],
  ])('no frame: %s', (_name, message) => {
    expect(() => decodeFrame(message, true)).toThrow('Decode error');
  });

  it('may be inflated to 256 KiB', () => {
    expect(decodeFrame(deflateSync(padded(262_144)), true)).toMatchObject({ op: 1 });
  });

  it('is text when it says so, whatever it begins with', () => {
    expect(() => decodeFrame(deflateSync('{"op":1}'), false)).toThrow('Decode error');
  });
});

describe('IDENTIFY', () => {
  const MAX = 1_900_543;
  const identify = (d: unknown) => decodeIdentify(d, MAX);

  it.each([
    [{ token: 't' }, { token: 't', compress: false, presences: false }],
    [
      { token: 't', intents: 256 },
      { token: 't', compress: false, presences: true },
    ],
    [
      { token: 't', intents: MAX, compress: 1 },
      { token: 't', compress: true, presences: true },
    ],
    [
      { token: 't', intents: MAX - 256 },
      { token: 't', compress: false, presences: false },
    ],
    [
      { token: 't', intents: 65_536, properties: { os: 'x' } },
      { token: 't', compress: false, presences: false },
    ],
    [
      { token: 't', intents: 1.5, compress: '' },
      { token: 't', compress: false, presences: false },
    ],
    [
      { token: 't', presence: { status: 'dnd' } },
      { token: 't', compress: false, presences: false },
    ],
  ])('%j', (d, read) => {
    expect(identify(d)).toEqual(read);
  });

  it.each([
    [undefined, 'Decode error'],
    [null, 'Decode error'],
    [{}, 'Decode error'],
    ['token', 'Decode error'],
    [['token'], 'Decode error'],
    [{ token: 't', intents: null }, 'Decode error'],
    [{ token: 't', intents: '5' }, 'Decode error'],
    [{ token: 't', properties: [] }, 'Decode error'],
    [{ intents: 1 }, 'Authentication failed'],
    [{ token: 5 }, 'Authentication failed'],
    [{ token: null }, 'Authentication failed'],
    [{ token: 't', intents: -1 }, 'Invalid intents'],
    [{ token: 't', intents: MAX + 1 }, 'Invalid intents'],
  ])('%j is refused: %s', (d, reason) => {
    expect(() => identify(d)).toThrow(reason);
  });

  it('has a limit of intents that can be set', () => {
    expect(() => decodeIdentify({ token: 't', intents: 65_536 }, 65_535)).toThrow('Invalid intents');
  });
});

describe('RESUME', () => {
  it('counts from 0 unless told otherwise', () => {
    expect(decodeResume({ token: 't', session_id: 'x' })).toEqual({ token: 't', session_id: 'x', seq: 0 });
    expect(decodeResume({ token: 't', session_id: 'x', seq: 7 })?.seq).toBe(7);
  });

  it.each([{ seq: '1' }, { seq: -1 }, { seq: 1.5 }, { seq: null }, { session_id: 5 }, { token: null }])(
    'of no session: %j',
    (fault) => {
      expect(decodeResume({ token: 't', session_id: 'x', seq: 1, ...fault })).toBeNull();
    },
  );

  it.each([undefined, null, {}, 'x', 5])('that says nothing: %j', (d) => {
    expect(() => decodeResume(d)).toThrow('Decode error');
  });
});

describe('a presence update that comes in', () => {
  it.each([
    [{ status: 'idle' }, { mode: 'idle', status: { kind: 'keep' } }],
    [{ custom_status: 'x' }, { mode: 'online', status: { kind: 'set', text: 'x', emoji: null } }],
    [
      { status: 'invisible', activities: 'x' },
      { mode: 'invisible', status: { kind: 'keep' } },
    ],
    [
      { status: 'dnd', custom_emoji: ':g:' },
      { mode: 'dnd', status: { kind: 'set', emoji: ':g:' } },
    ],
  ])('%j', (d, write) => {
    expect(decodePresenceUpdate(d)).toMatchObject(write);
  });

  it.each([
    [undefined],
    [null],
    [{}],
    ['online'],
    [['online']],
    [{ status: null }],
    [{ status: 'away' }],
    [{ status: 'ONLINE' }],
    [{ status: 'online', custom_status: 'x'.repeat(129) }],
    [{ status: 'online', custom_emoji: 5 }],
    [{ status: 'online', custom_status: '\ud800' }],
  ])('%j is wrong', (d) => {
    expect(() => decodePresenceUpdate(d)).toThrow(BridgeError);
  });
});

describe('a request for members', () => {
  it.each([{ guild_id: '1' }, { guild_id: 382 }])('%j is understood', (d) => {
    expect(() => checkGuild(d)).not.toThrow();
  });

  it.each([undefined, {}, { guild_id: null }, { guild_id: 'x' }, { guild_id: 1.5 }])('%j is not', (d) => {
    expect(() => checkGuild(d)).toThrow('Decode error');
  });
});

describe('frames that go out', () => {
  it('are written as the server does', () => {
    expect(HELLO).toBe('{"op":10,"d":{"heartbeat_interval":45000}}');
    expect(HEARTBEAT_ACK).toBe('{"op":11}');
    expect(INVALID_SESSION).toBe('{"op":9,"d":false}');
  });

  it('READY', () => {
    const event = readyEvent('7', { ...PROFILE, displayName: 'carol' }, 'abc', 'ws://h/gateway');
    expect(encodeDispatch(event, 1)).toBe(
      '{"op":0,"t":"READY","s":1,"d":{"v":10,"user":{"id":"7","username":"carol","discriminator":"0",' +
        '"avatar":null,"bot":false},"guilds":[],"session_id":"abc","resume_gateway_url":"ws://h/gateway",' +
        '"application":{"id":"7","flags":0}}}',
    );
    expect(JSON.parse(readyEvent('7', PROFILE, 'abc', '').d)).toMatchObject({ user: { username: '7' } });
  });

  it('PRESENCE_UPDATE', () => {
    const status = { text: 'a "b"', emoji: ':c:', origin: PLEXICHAT, expiresAt: null };
    const shown: Shown = { mode: 'chat', status, lastActivity: 5 };
    expect(encodeDispatch(presenceEvent('7', shown), 12)).toBe(
      '{"op":0,"t":"PRESENCE_UPDATE","s":12,' +
        '"d":{"user_id":"7","status":"online","custom_status":"a \\"b\\"","custom_emoji":":c:"}}',
    );
    expect(presenceEvent('7', NOTHING_SHOWN).d).toBe(
      '{"user_id":"7","status":"offline","custom_status":null,"custom_emoji":null}',
    );
  });
});
