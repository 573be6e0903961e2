import { timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { BridgeError } from '../../presence/errors.ts';
import type { Secrets } from '../../presence/tokens.ts';
import type { Gate } from '../../admission/gate.ts';

export interface OperatorAuthOptions {
  readonly gate: Gate;
  readonly secrets: Secrets;
  /** SHA-256 of the operator token, base64url. */
  readonly operatorTokenHash: string;
}

/** The bearer token of a request. Throws `missing_token`, counted against the address. */
export function bearerToken(request: FastifyRequest, gate: Gate): string {
  const token = /^Bearer ([^\s,]+)$/.exec(request.headers.authorization ?? '')?.[1];
  return token ?? gate.refuse(request.ip, new BridgeError('missing_token'));
}

/** Throws unless the request carries the operator token. */
export function demandOperator(request: FastifyRequest, options: OperatorAuthOptions): void {
  const { gate, secrets, operatorTokenHash } = options;
  const given = Buffer.from(secrets.hash(bearerToken(request, gate)));
  const right = Buffer.from(operatorTokenHash);
  if (given.length !== right.length || !timingSafeEqual(given, right)) {
    gate.refuse(request.ip, new BridgeError('unknown_token'));
  }
}
