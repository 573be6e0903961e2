import type { FastifyRequest, onRequestAsyncHookHandler } from 'fastify';
import { BridgeError } from '../../presence/errors.ts';
import type { Caller } from '../../presence/tokens.ts';
import type { MatrixContext } from './context.ts';

/** The request decorator that keeps the caller. */
export const CALLER = 'caller';

/** Whoever was let in, and by which token. */
export interface AdmittedCaller extends Caller {
  readonly token: string;
}

/** A hook that lets live tokens in and keeps whose they are. Throws as `Gate.admit` does, and `missing_token`. */
export function authentication(
  { gate, network }: Pick<MatrixContext, 'gate' | 'network'>,
  options: { readonly queryTokens: boolean },
): onRequestAsyncHookHandler {
  return async (request) => {
    const token =
      tokenOf(request, options.queryTokens) ?? gate.refuse(request.ip, new BridgeError('missing_token'));
    request.setDecorator(CALLER, { ...(await gate.admit(token, request.ip, network.name)), token });
  };
}

/** Whom `authentication` let in. */
export function callerOf(request: FastifyRequest): AdmittedCaller {
  return request.getDecorator<AdmittedCaller>(CALLER);
}

/** The one token that a request gives, however often; null when there is none, or two different ones. */
function tokenOf({ headers, url }: FastifyRequest, queryTokens: boolean): string | null {
  const { authorization } = headers;
  const given = new Set<string>();
  if (authorization !== undefined) given.add(/^Bearer +(\S+)$/i.exec(authorization)?.[1] ?? '');
  if (queryTokens) {
    const query = new URLSearchParams(/\?.*/s.exec(url)?.[0]);
    for (const token of query.getAll('access_token')) given.add(token);
  }
  const [token] = given;
  return given.size === 1 && token ? token : null;
}
