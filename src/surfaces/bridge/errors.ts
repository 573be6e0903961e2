import { z } from 'zod';
import type { BridgeError, ErrorCode } from '../../presence/errors.ts';
import { ERROR_CODES } from '../../presence/errors.ts';

const ANSWERS = {
  missing_token: { status: 401, message: 'A bearer token is needed' },
  unknown_token: { status: 401, message: 'The token is not live' },
  forbidden: { status: 403, message: 'Not allowed' },
  not_found: { status: 404, message: 'Not found' },
  unknown_endpoint: { status: 404, message: 'No such endpoint' },
  wrong_method: { status: 405, message: 'The endpoint has no such method' },
  not_json: { status: 400, message: 'The body is not JSON' },
  bad_json: { status: 400, message: 'The body does not fit' },
  bad_parameter: { status: 400, message: 'A parameter does not fit' },
  body_too_large: { status: 413, message: 'The body is too large' },
  headers_too_large: { status: 431, message: 'The headers are too large' },
  too_slow: { status: 408, message: 'The request took too long to come' },
  rate_limited: { status: 429, message: 'Too many requests' },
  limit_reached: { status: 403, message: 'A limit is reached' },
  conflict: { status: 409, message: 'The request does not fit the present state' },
  overloaded: { status: 503, message: 'Too busy; try again' },
  store_unavailable: { status: 503, message: 'The store does not accept writes; try again' },
  upstream_unavailable: {
    status: 502,
    message: 'The server that knows the token cannot be asked now; try again',
  },
  internal: { status: 500, message: 'Internal error' },
} as const satisfies Record<ErrorCode, { status: number; message: string }>;

export const errorBody = z.object({
  error: z.object({ code: z.enum(ERROR_CODES), message: z.string() }),
});

export interface Refusal {
  readonly status: number;
  /** Whole seconds, for `Retry-After`; null when trying again makes no sense. */
  readonly retryAfter: number | null;
  readonly body: z.output<typeof errorBody>;
}

/** The bridge's own error form: `{"error": {"code", "message"}}` with the domain's code. */
export function bridgeRefusal(error: BridgeError): Refusal {
  const { status, message } = ANSWERS[error.code];
  const said = error.message !== '' && status < 500 ? error.message : message;
  const retryAfterMs = error.retryAfterMs ?? (status === 502 || status === 503 ? 1000 : null);
  return {
    status,
    retryAfter: retryAfterMs === null ? null : Math.ceil(retryAfterMs / 1000),
    body: { error: { code: error.code, message: said } },
  };
}
