import { createHash } from 'node:crypto';
import type { FastifyReply } from 'fastify';
import { BridgeError } from '../../presence/errors.ts';
import type { BucketState } from '../../admission/token-buckets.ts';

/** Names the budget to clients; all presence writes share one. */
const BUCKET = createHash('sha256').update('PUT /users/@me/presence').digest('hex').slice(0, 16);

export const RATE_LIMIT_HEADERS = [
  'x-ratelimit-limit',
  'x-ratelimit-remaining',
  'x-ratelimit-reset',
  'x-ratelimit-reset-after',
  'x-ratelimit-bucket',
  'x-ratelimit-scope',
] as const;

/** Tells the client of its budget (Plexichat rate limits); `now` in ms since 1970. Throws `rate_limited` when it is spent. */
export function demandBudget(reply: FastifyReply, state: BucketState, now: number): void {
  const headers: Record<(typeof RATE_LIMIT_HEADERS)[number], string> = {
    'x-ratelimit-limit': String(state.limit),
    'x-ratelimit-remaining': String(state.remaining),
    'x-ratelimit-reset': seconds(now + state.resetAfterMs),
    'x-ratelimit-reset-after': seconds(state.resetAfterMs),
    'x-ratelimit-bucket': BUCKET,
    'x-ratelimit-scope': 'route',
  };
  void reply.headers(headers);
  if (!state.allowed) throw new BridgeError('rate_limited', '', { retryAfterMs: state.retryAfterMs });
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3);
}
