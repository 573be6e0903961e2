import { describe, expect, it } from 'vitest';
import {
  decodeHello,
  decodeReady,
  decodeServerFrame,
  heartbeatFrame,
  identifyFrame,
  resumeFrame,
} from '../../../src/protocols/plexichat/server-frames.ts';

describe('a frame of the server', () => {
  it.each([
    [
      '{"op":10,"d":{"heartbeat_interval":45000}}',
      { op: 10, t: null, s: null, d: { heartbeat_interval: 45000 } },
    ],
    ['{"op":11}', { op: 11, t: null, s: null, d: undefined }],
    ['{"op":0,"t":"X","s":3,"d":{},"more":1}', { op: 0, t: 'X', s: 3, d: {} }],
    [
      '{"op":0,"t":"X","s":3,"d":{"id":382824975331102720}}',
      { op: 0, t: 'X', s: 3, d: { id: '382824975331102720' } },
    ],
  ])('%s', (text, frame) => {
    expect(decodeServerFrame(text)).toEqual(frame);
  });

  it.each([
    '',
    '{"op"',
    '[]',
    'null',
    '5',
    '{}',
    '{"op":"0"}',
    '{"op":1.5}',
    '{"op":0,"t":5}',
    '{"op":0,"s":"1"}',
    '{"op":0,"s":-1}',
  ])('is none: %s', (text) => {
    expect(decodeServerFrame(text)).toBeNull();
  });
});

describe('HELLO and READY', () => {
  it('HELLO tells the interval', () => {
    expect(decodeHello({ heartbeat_interval: 45_000 })).toBe(45_000);
    for (const d of [null, {}, { heartbeat_interval: 0 }, { heartbeat_interval: '45' }])
      expect(decodeHello(d)).toBeNull();
  });

  const ready = {
    user: { id: '5', username: 'x' },
    session_id: 'abc',
    guilds: [{ id: '7', name: 'g' }, { id: 8 }],
  };

  it('READY tells the user, her guilds and the session', () => {
    expect(decodeReady(ready)).toEqual({ userId: '5', sessionId: 'abc', guildIds: ['7', '8'] });
    expect(decodeReady({ ...ready, guilds: undefined })?.guildIds).toEqual([]);
  });

  it.each([{ user: {} }, { user: { id: 'x' } }, { session_id: '' }, { session_id: null }, { guilds: [{}] }])(
    'READY is of no use with %j',
    (changes) => {
      expect(decodeReady({ ...ready, ...changes })).toBeNull();
    },
  );
});

describe('what is sent', () => {
  it('IDENTIFY has the bare token and the presence intent alone', () => {
    expect(JSON.parse(identifyFrame('1.secret'))).toMatchObject({
      op: 2,
      d: { token: '1.secret', intents: 256, compress: true, properties: { browser: 'plexibridge' } },
    });
  });

  it('RESUME and heartbeats have the last number', () => {
    expect(JSON.parse(resumeFrame('t', 'abc', 5))).toEqual({
      op: 6,
      d: { token: 't', session_id: 'abc', seq: 5 },
    });
    expect([heartbeatFrame(5), heartbeatFrame(null)]).toEqual(['{"op":1,"d":5}', '{"op":1,"d":null}']);
  });
});
