import { timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { BridgeError } from '../../presence/errors.ts';
import type { PersonId } from '../../presence/identity.ts';
import type { Caller, Secrets } from '../../presence/tokens.ts';
import type { Gate } from '../../admission/gate.ts';
import { sentValues } from '../http/raw-headers.ts';

export interface OperatorAuthOptions {
  readonly gate: Gate;
  readonly secrets: Secrets;
  /** SHA-256 of the operator token, base64url. */
  readonly operatorTokenHash: string;
}

/** The bearer token of a request. Throws `missing_token` when there is none or more than one, counted against the address. */
export async function bearerToken(request: FastifyRequest, gate: Gate): Promise<string> {
  const [value = '', ...others] = sentValues(request.raw.rawHeaders, 'authorization');
  const token = others.length > 0 ? undefined : /^Bearer ([^\s,]+)$/.exec(value)?.[1];
  return token ?? (await gate.refuse(request.ip, new BridgeError('missing_token')));
}

/** The request decorator that keeps the caller. */
export const CALLER = 'caller';

/** A hook that lets users in by a token of any network, before anything else of the request is read. */
export function admitUser(gate: Gate) {
  return async (request: FastifyRequest): Promise<void> => {
    request.setDecorator(CALLER, await gate.admit(await bearerToken(request, gate), request.ip));
  };
}

/** Whom `admitUser` let in. */
export function userOf(request: FastifyRequest): PersonId {
  return request.getDecorator<Caller>(CALLER).person;
}

/** Throws unless the request carries the operator token. */
export async function demandOperator(request: FastifyRequest, options: OperatorAuthOptions): Promise<void> {
  const { gate, secrets, operatorTokenHash } = options;
  const given = Buffer.from(secrets.hash(await bearerToken(request, gate)));
  const right = Buffer.from(operatorTokenHash);
  if (given.length !== right.length || !timingSafeEqual(given, right)) {
    await gate.refuse(request.ip, new BridgeError('unknown_token'));
  }
}
