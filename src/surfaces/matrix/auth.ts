import type { FastifyRequest, onRequestAsyncHookHandler } from 'fastify';
import { BridgeError } from '../../presence/errors.ts';
import type { Caller } from '../../presence/tokens.ts';
import { sentValues } from '../http/raw-headers.ts';
import type { MatrixContext } from './context.ts';
import { masqueraded } from './masquerade.ts';

/** The request decorator that keeps the caller. */
export const CALLER = 'caller';

/** Whoever was let in, and by which token. */
export interface AdmittedCaller extends Caller {
  readonly token: string;
  /** Whether her writes are limited; those of an application service are not. */
  readonly metered: boolean;
}

/** A hook that lets live tokens in and keeps whose they are. Throws as `Gate.admit` does, and `missing_token`. */
export function authentication(
  context: Pick<MatrixContext, 'gate' | 'network' | 'people' | 'masquerade'>,
  options: { readonly queryTokens: boolean },
): onRequestAsyncHookHandler {
  const { gate, network } = context;
  return async (request) => {
    const token =
      tokenOf(request, options.queryTokens) ??
      (await gate.refuse(request.ip, new BridgeError('missing_token')));
    const standIn = context.masquerade && (await masqueraded(request, token, context));
    const caller = standIn ?? (await gate.admit(token, request.ip, network.name));
    // Field by field: to spread an object takes as long as all the rest of this.
    const { person, network: from, deviceId } = caller;
    const admitted: AdmittedCaller = { person, network: from, deviceId, token, metered: standIn === null };
    request.setDecorator(CALLER, admitted);
  };
}

/** Whom `authentication` let in. */
export function callerOf(request: FastifyRequest): AdmittedCaller {
  return request.getDecorator<AdmittedCaller>(CALLER);
}

/** The one token that a request gives, however often; null when there is none, or two different ones. */
function tokenOf({ raw, url }: FastifyRequest, queryTokens: boolean): string | null {
  const sent = sentValues(raw.rawHeaders, 'authorization').map(
    (value) => /^Bearer +(\S+)$/i.exec(value)?.[1] ?? '',
  );
  const [first = '', second] = sent;
  if (second === undefined && !url.includes('?')) return first || null; // as nearly every request
  const given = new Set(sent);
  if (queryTokens) {
    const query = new URLSearchParams(/\?.*/s.exec(url)?.[0]);
    for (const token of query.getAll('access_token')) given.add(token);
  }
  const [token] = given;
  return given.size === 1 && token ? token : null;
}
