import { z } from 'zod';
import type { BridgeError, ErrorCode } from '../../presence/errors.ts';

interface Answer {
  readonly status: number;
  readonly errcode: string;
  readonly message: string;
  /** When trying again makes sense if the error itself does not say, ms. */
  readonly retryAfterMs?: number;
}

const ANSWERS = {
  missing_token: { status: 401, errcode: 'M_MISSING_TOKEN', message: 'Missing access token' },
  unknown_token: { status: 401, errcode: 'M_UNKNOWN_TOKEN', message: 'Unknown access token' },
  forbidden: { status: 403, errcode: 'M_FORBIDDEN', message: 'Not allowed for another user' },
  not_found: { status: 404, errcode: 'M_NOT_FOUND', message: 'No presence is visible to you here' },
  unknown_endpoint: { status: 404, errcode: 'M_UNRECOGNIZED', message: 'Unrecognized request' },
  wrong_method: { status: 405, errcode: 'M_UNRECOGNIZED', message: 'Unrecognized method' },
  not_json: { status: 400, errcode: 'M_NOT_JSON', message: 'Body is not JSON' },
  bad_json: { status: 400, errcode: 'M_BAD_JSON', message: 'Body has the wrong shape' },
  bad_parameter: { status: 400, errcode: 'M_INVALID_PARAM', message: 'Malformed parameter' },
  body_too_large: { status: 413, errcode: 'M_TOO_LARGE', message: 'Body is too large' },
  headers_too_large: { status: 431, errcode: 'M_TOO_LARGE', message: 'Headers are too large' },
  too_slow: { status: 408, errcode: 'M_UNKNOWN', message: 'The request took too long to come' },
  rate_limited: {
    status: 429,
    errcode: 'M_LIMIT_EXCEEDED',
    message: 'Too many requests',
    retryAfterMs: 1000,
  },
  limit_reached: { status: 403, errcode: 'M_RESOURCE_LIMIT_EXCEEDED', message: 'A limit is reached' },
  conflict: { status: 409, errcode: 'M_UNKNOWN', message: 'Conflict with the present state' },
  overloaded: { status: 503, errcode: 'M_UNKNOWN', message: 'Too busy; try again', retryAfterMs: 1000 },
  store_unavailable: {
    status: 503,
    errcode: 'M_UNKNOWN',
    message: 'Cannot be stored now; try again',
    retryAfterMs: 1000,
  },
  upstream_unavailable: {
    status: 502,
    errcode: 'M_UNKNOWN',
    message: 'The homeserver cannot be asked now; try again',
    retryAfterMs: 5000,
  },
  internal: { status: 500, errcode: 'M_UNKNOWN', message: 'Internal error' },
} as const satisfies Record<ErrorCode, Answer>;

/** Whatever a refusal says; of a token that the homeserver refused it may say less, or more. */
export const errorBody = z.looseObject({
  errcode: z.string(),
  error: z.string(),
  soft_logout: z.boolean().exactOptional(),
  retry_after_ms: z.number().exactOptional().describe('Milliseconds'),
});

export interface MatrixRefusal {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The standard error; or, of a token that the homeserver refused, its own body unchanged. */
  readonly body: Partial<z.output<typeof errorBody>>;
}

/** The standard error response (Matrix §API standards). What a 5xx says never comes from the inside. */
export function matrixRefusal(error: BridgeError): MatrixRefusal {
  const answer: Answer = ANSWERS[error.code];
  const { status, errcode } = answer;
  const retryAfterMs = error.retryAfterMs ?? answer.retryAfterMs;
  return {
    status,
    headers: retryAfterMs === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfterMs / 1000)) },
    body: error.passedOn ?? {
      errcode,
      error: error.message !== '' && status < 500 ? error.message : answer.message,
      ...(error.code === 'unknown_token' && { soft_logout: false }),
      ...(error.code === 'rate_limited' && { retry_after_ms: retryAfterMs }),
    },
  };
}
