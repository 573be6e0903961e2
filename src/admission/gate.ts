import { BridgeError } from '../presence/errors.ts';
import type { NetworkName, PersonId } from '../presence/identity.ts';
import type { Caller, TokenVerifier } from '../presence/tokens.ts';
import { networkOf } from './address.ts';
import type { Buckets, BucketState } from './token-buckets.ts';

export interface GateOptions {
  readonly verifier: TokenVerifier;
  /** The caller by a token that is known to be live, which needs no asking. */
  readonly known?: (token: string) => Caller | null;
  /** Failed authentications, by client address. */
  readonly failures: Buckets;
  /** Writes, by person: one budget over all surfaces. */
  readonly writes: Buckets;
}

/** Lets callers in by their token and meters what they write. Shared by all surfaces. */
export class Gate {
  readonly #options: GateOptions;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /**
   * The caller, who must hold a live token of `network` (any network when absent). Throws `unknown_token`, or
   * `rate_limited` for an address that failed too often; a live token is never refused for the sake of its address.
   */
  async admit(token: string, ip: string, network?: NetworkName): Promise<Caller> {
    const known = this.#options.known?.(token);
    if (known && (network === undefined || known.network === network)) return known;
    try {
      const caller = await this.#options.verifier.verify(token, network);
      if (caller && (network === undefined || caller.network === network)) return caller;
    } catch (error) {
      if (!(error instanceof BridgeError) || error.code !== 'unknown_token') throw error;
      return this.refuse(ip, error);
    }
    return this.refuse(ip, new BridgeError('unknown_token'));
  }

  /** Counts a failed authentication and throws what it deserves. */
  async refuse(ip: string, error: BridgeError): Promise<never> {
    const { allowed, retryAfterMs } = await this.#options.failures.take(networkOf(ip));
    if (allowed) throw error;
    throw new BridgeError('rate_limited', '', { retryAfterMs });
  }

  /** Takes one write of hers; the caller answers `rate_limited` when it was not allowed. */
  async meter(person: PersonId): Promise<BucketState> {
    return this.#options.writes.take(person);
  }
}

/** The same for callers that need no headers of a granted write. Throws `rate_limited`. */
export async function demandWrite(gate: Gate, person: PersonId): Promise<void> {
  const { allowed, retryAfterMs } = await gate.meter(person);
  if (!allowed) throw new BridgeError('rate_limited', '', { retryAfterMs });
}
