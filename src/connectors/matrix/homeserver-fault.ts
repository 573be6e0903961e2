import { z } from 'zod';
import { retryAfterMs } from '../backoff.ts';
import type { OutboundReply } from '../outbound.ts';
import { json } from '../outbound.ts';
import { OutboundError } from '../outbound-error.ts';

/**
 * `rate_limited`: later, it says. `unknown_token`: it does not know the token. `forbidden`: it knows us and does not
 * allow it. `refused`: any other 4xx. `unavailable`: no reply, or a 5xx. `garbage`: a reply that is not what it must be.
 */
export type FaultKind =
  'rate_limited' | 'unknown_token' | 'forbidden' | 'refused' | 'unavailable' | 'garbage';

export interface FaultDetails {
  readonly kind: FaultKind;
  /** A few words out of a closed list, never what the homeserver wrote. */
  readonly reason: string;
  /** Null where there was no reply. */
  readonly status?: number | null;
  /** The homeserver's error code, `M_…`; null where it gave none. */
  readonly errcode?: string | null;
  /** How long it wants us to wait, ms; null where it does not say. */
  readonly retryAfterMs?: number | null;
}

/** Why the homeserver did not do what it was asked. It holds nothing that was sent. */
export class HomeserverFault extends Error {
  readonly kind: FaultKind;
  readonly reason: string;
  readonly status: number | null;
  readonly errcode: string | null;
  readonly retryAfterMs: number | null;

  constructor({ kind, reason, status = null, errcode = null, retryAfterMs = null }: FaultDetails) {
    super(`The homeserver did not do it: ${reason}`);
    this.name = 'HomeserverFault';
    this.kind = kind;
    this.reason = reason;
    this.status = status;
    this.errcode = errcode;
    this.retryAfterMs = retryAfterMs;
  }
}

/** Matrix §standard error response; codes are names, not prose. */
const errorBody = z.object({ errcode: z.string().regex(/^[A-Za-z0-9_.]{1,64}$/) });

/** What a reply without success means; `now` in ms since 1970. */
export function faultOfReply(reply: OutboundReply, now: number): HomeserverFault {
  const { status, headers } = reply;
  const body = json(reply);
  const errcode = errorBody.safeParse(body).data?.errcode ?? null;
  const wait = retryAfterMs(headers, now, body);
  const kind = kindOf(status, errcode);
  return new HomeserverFault({ kind, reason: reasonOf(kind, status), status, errcode, retryAfterMs: wait });
}

/** What an error of a request means; anything but a fault of the network is the bridge's own, and thrown on. */
export function faultOfError(error: unknown): HomeserverFault {
  if (error instanceof HomeserverFault) return error;
  if (error instanceof OutboundError)
    return new HomeserverFault({ kind: 'unavailable', reason: error.fault });
  throw error;
}

export function garbage(status: number): HomeserverFault {
  return new HomeserverFault({ kind: 'garbage', reason: reasonOf('garbage', status), status });
}

function kindOf(status: number, errcode: string | null): FaultKind {
  if (status === 429 || errcode === 'M_LIMIT_EXCEEDED') return 'rate_limited';
  if (status >= 500) return 'unavailable';
  if (status === 401) return 'unknown_token';
  if (status === 403) return errcode === 'M_UNKNOWN_TOKEN' ? 'unknown_token' : 'forbidden';
  // Something that does not speak Matrix stands in the homeserver's place.
  return errcode === null ? 'garbage' : 'refused';
}

function reasonOf(kind: FaultKind, status: number): string {
  if (kind === 'rate_limited') return 'it limits the rate';
  if (kind === 'unknown_token') return 'it does not know the token';
  if (kind === 'garbage') return `it answers ${status} with what is not Matrix`;
  return `it answers ${status}`;
}
