import { describe, expect, it } from 'vitest';
import type { ErrorCode } from '../../../src/presence/errors.ts';
import { BridgeError, ERROR_CODES } from '../../../src/presence/errors.ts';
import { plexichatRefusal } from '../../../src/protocols/plexichat/errors.ts';

const EXPECTED: Record<Exclude<ErrorCode, 'rate_limited'>, [status: number, message: string]> = {
  missing_token: [401, 'Authentication required'],
  unknown_token: [401, 'Invalid/Revoked'],
  forbidden: [403, 'Forbidden'],
  not_found: [404, 'Not Found'],
  unknown_endpoint: [404, 'Not Found'],
  wrong_method: [405, 'Method Not Allowed'],
  not_json: [400, 'There was an error parsing the body'],
  bad_json: [400, 'Invalid request'],
  bad_parameter: [400, 'Invalid request'],
  body_too_large: [413, 'Request body too large'],
  headers_too_large: [431, 'Request headers too large'],
  too_slow: [408, 'Request timeout'],
  limit_reached: [403, 'Limit reached'],
  conflict: [409, 'Conflict'],
  overloaded: [503, 'Service unavailable'],
  store_unavailable: [503, 'Service unavailable'],
  upstream_unavailable: [502, 'Bad gateway'],
  internal: [500, 'Internal server error'],
};
const CODES = ERROR_CODES.filter((code) => code !== 'rate_limited');

describe('refusals', () => {
  it.each(CODES)('%s has its own words', (code) => {
    const [status, message] = EXPECTED[code];
    const headers = status === 502 || status === 503 ? { 'retry-after': '1' } : {};
    const body = { error: { code: status, message } };
    expect(plexichatRefusal(new BridgeError(code))).toEqual({ status, headers, body });
  });

  it.each(CODES)('%s says more only when the fault is the client’s', (code) => {
    const [status, message] = EXPECTED[code];
    const { body } = plexichatRefusal(new BridgeError(code, 'row 7 is broken'));
    expect(body).toEqual({ error: { code: status, message: status < 500 ? 'row 7 is broken' : message } });
  });

  it('a rate limit has no envelope, and rounds up only in the header', () => {
    expect(plexichatRefusal(new BridgeError('rate_limited', 'x', { retryAfterMs: 1250 }))).toEqual({
      status: 429,
      headers: { 'retry-after': '2' },
      body: { message: 'You are being rate limited.', retry_after: 1.25, global: false, scope: 'route' },
    });
  });

  it('a busy store says when to come back', () => {
    const { headers } = plexichatRefusal(new BridgeError('overloaded', '', { retryAfterMs: 4001 }));
    expect(headers).toEqual({ 'retry-after': '5' });
  });
});
