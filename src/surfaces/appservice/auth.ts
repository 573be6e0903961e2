import { timingSafeEqual } from 'node:crypto';
import type { FastifyRequest, onRequestAsyncHookHandler } from 'fastify';
import { BridgeError } from '../../presence/errors.ts';
import { sentValues } from '../http/raw-headers.ts';
import type { AppserviceContext } from './context.ts';

/**
 * A hook that lets the homeserver in by its token (Matrix §application services: authorization), in the header or, as old ones
 * send it, in the query; where there are both, both must be right. Throws `missing_token`, `forbidden`, `rate_limited`.
 */
export function authentication({
  gate,
  secrets,
  hsToken,
}: Pick<AppserviceContext, 'gate' | 'secrets' | 'hsToken'>): onRequestAsyncHookHandler {
  const right = Buffer.from(secrets.hash(hsToken));
  const isRight = (token: string) => {
    const given = Buffer.from(secrets.hash(token));
    return given.length === right.length && timingSafeEqual(given, right);
  };
  return async (request) => {
    const tokens = tokensOf(request);
    if (tokens.length === 0) await gate.refuse(request.ip, new BridgeError('missing_token'));
    if (!tokens.every(isRight)) await gate.refuse(request.ip, new BridgeError('forbidden', 'Wrong hs_token'));
  };
}

function tokensOf({ raw, url }: FastifyRequest): string[] {
  const bearers = sentValues(raw.rawHeaders, 'authorization').flatMap(
    (value) => /^Bearer +(\S+)$/i.exec(value)?.[1] ?? [],
  );
  const query = new URLSearchParams(/\?.*/s.exec(url)?.[0]);
  return [...bearers, ...query.getAll('access_token')];
}
