import type { FastifyBaseLogger } from 'fastify';
import type { ErrorCode } from '../../presence/errors.ts';
import { BridgeError } from '../../presence/errors.ts';

/** Whatever was thrown, in the product's words. What nobody foresaw is `internal`, its text kept for the log only. */
export function asBridgeError(error: unknown): BridgeError {
  if (error instanceof BridgeError) return error;
  return new BridgeError(codeOf(error), '', { cause: error });
}

/** Tells the operator of a request that failed through no fault of its own. Who is only too busy says so briefly, since she says it often. */
export function logFailure(
  { id: reqId, log }: { readonly id?: string; readonly log: FastifyBaseLogger },
  error: BridgeError,
  problem = 'request failed',
): void {
  if (error.code === 'overloaded') log.warn({ reqId }, 'too busy: a request was refused');
  else log.error({ reqId, err: error.cause ?? error }, problem);
}

/** Fastify refuses some requests before any handler sees them, and says why by a status. */
function codeOf(error: unknown): ErrorCode {
  const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500;
  if (status === 413) return 'body_too_large';
  if (status === 404) return 'unknown_endpoint';
  return status >= 400 && status < 500 ? 'bad_parameter' : 'internal';
}
