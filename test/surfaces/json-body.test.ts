import { describe, expect, it } from 'vitest';
import type { BridgeError } from '../../src/presence/errors.ts';
import { JsonFault, parseJson } from '../../src/surfaces/http/json-body.ts';

function faultOf(body: unknown): unknown {
  try {
    return parseJson(body);
  } catch (error) {
    expect(error).toMatchObject({ code: 'not_json' });
    expect((error as BridgeError).cause).toBeInstanceOf(JsonFault);
    return ((error as BridgeError).cause as JsonFault).position;
  }
}

describe('parseJson', () => {
  it('reads JSON', () => {
    expect(parseJson(Buffer.from('{"a":[1,"ü"]}'))).toEqual({ a: [1, 'ü'] });
  });

  it.each([
    ['', 0],
    ['{"status":', 10],
    ['{"a":x}', 5],
    ['{"a":}', 5],
    ['{"🔥":x}', 5],
    ['{"status": "x"} y', 16],
    ['nul', 3],
    ['{"a":NaN}', 5],
    [`{"a":"${'x'.repeat(5000)}",}`, 5008],
    [`{"a":x${' '.repeat(70_000)}}`, 70_007],
  ])('says where %j goes wrong, in code points', (text, position) => {
    expect(faultOf(Buffer.from(text))).toBe(position);
  });

  it('takes no body for an empty one, and bad UTF-8 for no text', () => {
    expect(faultOf(undefined)).toBe(0);
    expect(faultOf(Buffer.from([0x22, 0xff, 0x22]))).toBeNull();
  });
});
