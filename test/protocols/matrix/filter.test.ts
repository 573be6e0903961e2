import { describe, expect, it } from 'vitest';
import { BridgeError } from '../../../src/presence/errors.ts';
import {
  decodeFilter,
  decodeFilterId,
  decodeFilterParam,
  encodeFilterId,
} from '../../../src/protocols/matrix/filter.ts';

const A = '@a:home.test';
const B = '@b:home.test';

function codeOf(act: () => unknown): string | null {
  try {
    act();
    return null;
  } catch (error) {
    return error instanceof BridgeError ? error.code : 'no BridgeError';
  }
}

describe('a presence filter', () => {
  const ROWS: [presence: object | undefined, wanted: string[]][] = [
    [undefined, [A, B]],
    [{}, [A, B]],
    [{ types: ['m.presence'] }, [A, B]],
    [{ types: ['*'] }, [A, B]],
    [{ types: ['m.*'] }, [A, B]],
    [{ types: ['*presence'] }, [A, B]],
    [{ types: ['m*p*e'] }, [A, B]],
    [{ types: ['m.room.*', 'm.presence'] }, [A, B]],
    [{ types: [] }, []],
    [{ types: ['m.room.*'] }, []],
    [{ types: ['m.presence.more'] }, []],
    [{ types: ['presence'] }, []],
    [{ types: ['mXpresence'] }, []],
    [{ types: ['m.p.esence'] }, []],
    [{ types: ['M.PRESENCE'] }, []],
    [{ types: ['(', '[', '\\'] }, []],
    [{ not_types: [] }, [A, B]],
    [{ not_types: ['m.room.*'] }, [A, B]],
    [{ not_types: ['*'] }, []],
    [{ types: ['m.presence'], not_types: ['m.pres*'] }, []],
    [{ senders: [A] }, [A]],
    [{ senders: [] }, []],
    [{ not_senders: [A] }, [B]],
    [{ senders: [A, B], not_senders: [A] }, [B]],
    [{ limit: 0 }, []],
    [{ limit: 3 }, [A, B]],
  ];
  it.each(ROWS)('%j wants %j', (presence, wanted) => {
    const filter = decodeFilter(presence === undefined ? {} : { presence });
    expect([A, B].filter((id) => filter.wants(id))).toEqual(wanted);
  });

  it('limits as it says', () => {
    expect(decodeFilter({ presence: { limit: 3 } }).limit).toBe(3);
    expect(decodeFilter({ presence: {} }).limit).toBe(Infinity);
  });

  it.each(['*', '*e', '*.*'])('is read to the end however many wildcards like %s there are', (part) => {
    const types = [`${part.repeat(2000)}x`];
    expect(decodeFilter({ presence: { types } }).wants(A)).toBe(false);
  });
});

describe('a filter of the wrong shape', () => {
  const ROWS: unknown[] = [
    null,
    [],
    'x',
    { presence: null },
    { presence: 'not_an_object' },
    { presence: { types: 'm.presence' } },
    { presence: { types: [1] } },
    { presence: { not_types: {} } },
    { presence: { senders: A } },
    { presence: { senders: ['a'] } },
    { presence: { not_senders: ['@a;home.test'] } },
    { presence: { limit: -1 } },
    { presence: { limit: 1.5 } },
    { presence: { limit: '1' } },
    { account_data: 'Hello World' },
    { room: [] },
    { room: { rooms: 'all' } },
    { room: { timeline: 'everything' } },
    { room: { timeline: { senders: ['a'] } } },
    { event_fields: ['a', 1] },
    { event_format: 'other' },
  ];
  it.each(ROWS)('%j', (json) => {
    expect(codeOf(() => decodeFilter(json))).toBe('bad_json');
    expect(codeOf(() => encodeFilterId(json))).toBe('bad_json');
    const id = Buffer.from(JSON.stringify(json)).toString('base64url');
    expect(decodeFilterId(id)).toBeNull();
  });

  it('is not what SDKs send', () => {
    const json = {
      room: {
        timeline: { limit: 20, unread_thread_notifications: true },
        state: { lazy_load_members: true },
      },
      presence: { types: ['m.presence'] },
      'org.example.more': 1,
    };
    expect(codeOf(() => decodeFilter(json))).toBeNull();
  });
});

describe('a filter id', () => {
  it.each([{}, { presence: { types: ['m.*'], x: 'ü💻' } }, { room: { rooms: [] } }])(
    'gives back %j',
    (json) => {
      const id = encodeFilterId(json);
      expect(id).toMatch(/^[\w-]+$/);
      expect(decodeFilterId(id)).toEqual(json);
    },
  );

  it('holds up to 1,024 bytes', () => {
    const json = (length: number) => ({ x: 'é'.repeat((length - 8) / 2) });
    expect(decodeFilterId(encodeFilterId(json(1024)))).toEqual(json(1024));
    expect(codeOf(() => encodeFilterId(json(1026)))).toBe('body_too_large');
  });

  it.each(['', '0', 'e30=', 'e3 0', '{}', 'bnVsbA', '%'])('is none: %j', (id) => {
    expect(decodeFilterId(id)).toBeNull();
    if (id !== '{}') expect(codeOf(() => decodeFilterParam(id))).toBe('bad_parameter');
  });
});

describe('the filter of a query', () => {
  it('is JSON or an id', () => {
    const json = { presence: { senders: [B] } };
    for (const text of [JSON.stringify(json), encodeFilterId(json)]) {
      const filter = decodeFilterParam(text);
      expect([A, B].filter((id) => filter.wants(id))).toEqual([B]);
    }
    expect(codeOf(() => decodeFilterParam('{"presence"'))).toBe('bad_parameter');
    expect(codeOf(() => decodeFilterParam('{"presence":1}'))).toBe('bad_json');
  });
});
