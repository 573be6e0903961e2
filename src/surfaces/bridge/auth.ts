import { timingSafeEqual } from 'node:crypto';
import type { FastifyRequest } from 'fastify';
import { BridgeError } from '../../presence/errors.ts';
import type { PersonId } from '../../presence/identity.ts';
import type { Caller, Secrets } from '../../presence/tokens.ts';
import type { Gate } from '../../admission/gate.ts';
import { sentValues } from '../http/raw-headers.ts';
import type { OperatorSessions } from './dashboard/operator-sessions.ts';

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

/** Where a browser that has signed in keeps its session. */
export const SESSION_COOKIE = 'plexibridge_operator';

/** Sent by our own pages; a form or link of another site cannot. */
export const PAGE_HEADER = 'x-plexibridge-page';

export interface BrowserAuthOptions extends OperatorAuthOptions {
  readonly sessions: Pick<OperatorSessions, 'endOf'>;
}

/**
 * Throws unless the request carries the operator token, or comes from a page of ours where an operator has signed in.
 */
export async function demandOperator(request: FastifyRequest, options: BrowserAuthOptions): Promise<void> {
  const secret = sessionSecret(request);
  if (request.headers.authorization !== undefined || secret === null) {
    await demandOperatorToken(request, await bearerToken(request, options.gate), options);
    return;
  }
  if ((await options.sessions.endOf(secret)) === null) {
    await options.gate.refuse(request.ip, new BridgeError('unknown_token', 'The session has ended'));
  }
  demandOwnPage(request);
}

/** Throws unless it is the operator token. */
export async function demandOperatorToken(
  request: FastifyRequest,
  token: string,
  { gate, secrets, operatorTokenHash }: OperatorAuthOptions,
): Promise<void> {
  const given = Buffer.from(secrets.hash(token));
  const right = Buffer.from(operatorTokenHash);
  if (given.length !== right.length || !timingSafeEqual(given, right)) {
    await gate.refuse(request.ip, new BridgeError('unknown_token'));
  }
}

/** The secret of the session that the browser keeps; null when it keeps none. */
export function sessionSecret({ headers }: FastifyRequest): string | null {
  for (const pair of (headers.cookie ?? '').split(';')) {
    const [name, value] = pair.trim().split('=');
    if (name === SESSION_COOKIE && value) return value;
  }
  return null;
}

/** Throws `forbidden` for a request that a page of another site had a browser send. */
export function demandOwnPage(request: FastifyRequest): void {
  const { origin, 'sec-fetch-site': site, [PAGE_HEADER]: mark } = request.headers;
  const reads = request.method === 'GET' || request.method === 'HEAD';
  const foreign = site !== undefined && site !== 'same-origin' && site !== 'none';
  const elsewhere = origin !== undefined && hostOf(origin) !== request.host;
  if (foreign || elsewhere || (!reads && mark === undefined)) {
    throw new BridgeError('forbidden', 'Only pages of this bridge may ask by a session');
  }
}

function hostOf(origin: string): string | null {
  return URL.canParse(origin) ? new URL(origin).host : null;
}
