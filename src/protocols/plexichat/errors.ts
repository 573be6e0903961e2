import { z } from 'zod';
import type { BridgeError, ErrorCode } from '../../presence/errors.ts';

const ANSWERS = {
  missing_token: { status: 401, message: 'Authentication required' },
  unknown_token: { status: 401, message: 'Invalid/Revoked' },
  forbidden: { status: 403, message: 'Forbidden' },
  not_found: { status: 404, message: 'Not Found' },
  unknown_endpoint: { status: 404, message: 'Not Found' },
  wrong_method: { status: 405, message: 'Method Not Allowed' },
  not_json: { status: 400, message: 'There was an error parsing the body' },
  bad_json: { status: 400, message: 'Invalid request' },
  bad_parameter: { status: 400, message: 'Invalid request' },
  body_too_large: { status: 413, message: 'Request body too large' },
  headers_too_large: { status: 431, message: 'Request headers too large' },
  too_slow: { status: 408, message: 'Request timeout' },
  rate_limited: { status: 429, message: 'You are being rate limited.' },
  limit_reached: { status: 403, message: 'Limit reached' },
  conflict: { status: 409, message: 'Conflict' },
  overloaded: { status: 503, message: 'Service unavailable' },
  store_unavailable: { status: 503, message: 'Service unavailable' },
  upstream_unavailable: { status: 502, message: 'Bad gateway' },
  internal: { status: 500, message: 'Internal server error' },
} as const satisfies Record<ErrorCode, { status: number; message: string }>;

/** When to try again if the error itself does not say, ms. */
const RETRY_AFTER_MS = 1000;

const envelope = z.object({
  error: z.object({ code: z.number().int().describe('The status'), message: z.string() }),
});
const rateLimited = z.object({
  message: z.string(),
  retry_after: z.number().describe('Seconds'),
  global: z.literal(false),
  scope: z.literal('route'),
});
/** Whatever a refusal says. */
export const errorBody = z.union([envelope, rateLimited]);

export interface PlexichatRefusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: z.output<typeof errorBody>;
}

/** Plexichat errors: the envelope, but for a 429. What a 5xx says never comes from the inside. */
export function plexichatRefusal(error: BridgeError): PlexichatRefusal {
  const { status, message } = ANSWERS[error.code];
  const seconds = (error.retryAfterMs ?? RETRY_AFTER_MS) / 1000;
  const headers =
    status === 429 || status === 502 || status === 503 ? { 'retry-after': String(Math.ceil(seconds)) } : {};
  if (status === 429) {
    return { status, headers, body: { message, retry_after: seconds, global: false, scope: 'route' } };
  }
  const said = error.message !== '' && status < 500 ? error.message : message;
  return { status, headers, body: { error: { code: status, message: said } } };
}
