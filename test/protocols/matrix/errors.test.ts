import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../../src/presence/errors.ts';
import { BridgeError, ERROR_CODES } from '../../../src/presence/errors.ts';
import { matrixRefusal } from '../../../src/protocols/matrix/errors.ts';

const EXPECTED: Record<ErrorCode, [status: number, errcode: string]> = {
  missing_token: [401, 'M_MISSING_TOKEN'],
  unknown_token: [401, 'M_UNKNOWN_TOKEN'],
  forbidden: [403, 'M_FORBIDDEN'],
  not_found: [404, 'M_NOT_FOUND'],
  unknown_endpoint: [404, 'M_UNRECOGNIZED'],
  wrong_method: [405, 'M_UNRECOGNIZED'],
  not_json: [400, 'M_NOT_JSON'],
  bad_json: [400, 'M_BAD_JSON'],
  bad_parameter: [400, 'M_INVALID_PARAM'],
  body_too_large: [413, 'M_TOO_LARGE'],
  headers_too_large: [431, 'M_TOO_LARGE'],
  too_slow: [408, 'M_UNKNOWN'],
  rate_limited: [429, 'M_LIMIT_EXCEEDED'],
  limit_reached: [403, 'M_RESOURCE_LIMIT_EXCEEDED'],
  conflict: [409, 'M_UNKNOWN'],
  overloaded: [503, 'M_UNKNOWN'],
  store_unavailable: [503, 'M_UNKNOWN'],
  upstream_unavailable: [502, 'M_UNKNOWN'],
  internal: [500, 'M_UNKNOWN'],
};

describe('refusals', () => {
  it.each(ERROR_CODES)('%s', (code) => {
    const { status, headers, body } = matrixRefusal(new BridgeError(code));
    expect([status, body.errcode]).toEqual(EXPECTED[code]);
    expect(body.error).toMatch(/\w/);
    const retryAfter = status === 502 ? '5' : '1';
    expect(headers).toEqual([429, 502, 503].includes(status) ? { 'retry-after': retryAfter } : {});
    expect(body.soft_logout).toBe(code === 'unknown_token' ? false : undefined);
    expect(body.retry_after_ms).toBe(code === 'rate_limited' ? 1000 : undefined);
  });

  it.each(ERROR_CODES)('%s says its reason unless it is of the inside', (code) => {
    const { status, body } = matrixRefusal(new BridgeError(code, 'the reason'));
    expect(body.error === 'the reason').toBe(status < 500);
  });

  it('passes on what the homeserver said of a token, unchanged', () => {
    const passedOn = { errcode: 'M_UNKNOWN_TOKEN', error: 'Logged out', soft_logout: true };
    const refusal = matrixRefusal(new BridgeError('unknown_token', '', { passedOn }));
    expect(refusal).toEqual({ status: 401, headers: {}, body: passedOn });
  });

  it.each([
    { retryAfterMs: 1, seconds: '1' },
    { retryAfterMs: 2000, seconds: '2' },
    { retryAfterMs: 2001, seconds: '3' },
  ])('rounds $retryAfterMs ms up to $seconds s', ({ retryAfterMs, seconds }) => {
    const { headers, body } = matrixRefusal(new BridgeError('rate_limited', '', { retryAfterMs }));
    expect(headers).toEqual({ 'retry-after': seconds });
    expect(body.retry_after_ms).toBe(retryAfterMs);
  });
});
