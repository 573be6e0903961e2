import { BridgeError } from '../../presence/errors.ts';

const BY_FASTIFY_CODE: Record<string, 'body_too_large' | 'bad_parameter'> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body_too_large',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'bad_parameter',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'bad_parameter',
  FST_ERR_BAD_URL: 'bad_parameter',
};

/** Whatever was thrown, in the product's words. What nobody foresaw is `internal`, its text kept for the log only. */
export function asBridgeError(error: unknown): BridgeError {
  if (error instanceof BridgeError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return new BridgeError(BY_FASTIFY_CODE[code] ?? 'internal', '', { cause: error });
}
