/** Everything that can go wrong, in the product's own words. Each surface answers every code (style §8). */
export const ERROR_CODES = [
  'missing_token',
  'unknown_token',
  'forbidden',
  'not_found',
  'unknown_endpoint',
  'wrong_method',
  'not_json',
  'bad_json',
  'bad_parameter',
  'body_too_large',
  'headers_too_large',
  'too_slow',
  'rate_limited',
  'limit_reached',
  'conflict',
  'overloaded',
  'store_unavailable',
  'upstream_unavailable',
  'internal',
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

export interface BridgeErrorOptions extends ErrorOptions {
  /** When trying again makes sense, in ms from now. */
  retryAfterMs?: number;
  /** What a real server answered to the same, for a surface of its network to pass on. */
  passedOn?: object;
}

/** A refusal that a surface may show. An empty message means: the surface's own words for the code. */
export class BridgeError extends Error {
  readonly code: ErrorCode;
  readonly retryAfterMs: number | null;
  readonly passedOn: object | null;

  constructor(code: ErrorCode, message = '', options: BridgeErrorOptions = {}) {
    super(message, options);
    this.name = 'BridgeError';
    this.code = code;
    this.retryAfterMs = options.retryAfterMs ?? null;
    this.passedOn = options.passedOn ?? null;
  }
}
