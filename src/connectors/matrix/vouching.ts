import { z } from 'zod';
import type { Introspection, Upstream } from '../../admission/upstream-tokens.ts';
import { BridgeError } from '../../presence/errors.ts';
import type { AccountProfile } from '../../presence/newcomers.ts';
import { MATRIX, parseUserId } from '../../protocols/matrix/ids.ts';
import type { Outbound, OutboundReply } from '../outbound.ts';
import { json } from '../outbound.ts';
import { OutboundError } from '../outbound-error.ts';
import type { HomeserverFault } from './homeserver-fault.ts';
import { faultOfReply } from './homeserver-fault.ts';

export interface VouchingOptions {
  readonly outbound: Pick<Outbound, 'request'>;
  readonly clock: { now(): number };
  /** How long a live token is believed, ms. */
  readonly believedMs: number;
  /** Told of every token that turned out to be live. */
  readonly verified: (userId: string, token: string) => void;
}

const CLIENT = '/_matrix/client/v3';
/** What can be sent in a header; those of the bridge itself, and of operators, are no business of the homeserver. */
const TOKEN = /^(?!px[bo]_)[\x21-\x7e]{1,4096}$/;
/** What only the other network gives out. */
const FOREIGN = /^(?:bot\.)?\d+\./;

const whoamiBody = z.object({
  user_id: z.string().refine((id) => parseUserId(id) !== null),
  device_id: z.string().optional().catch(undefined),
});
const text = z.string().min(1).nullish().catch(null);
const profileBody = z.object({ displayname: text, avatar_url: text });
const errorBody = z.looseObject({ errcode: z.string() });

/** Has the homeserver say whose a token is (Matrix §whoami). */
export class HomeserverVouching implements Upstream {
  readonly network = MATRIX;
  readonly believedMs: number;
  readonly verified: (userId: string, token: string) => void;
  readonly #options: VouchingOptions;

  constructor(options: VouchingOptions) {
    this.#options = options;
    this.believedMs = options.believedMs;
    this.verified = options.verified;
  }

  recognises(token: string): boolean {
    return TOKEN.test(token) && !FOREIGN.test(token);
  }

  async introspect(token: string): Promise<Introspection> {
    const reply = await this.#get(`${CLIENT}/account/whoami`, token);
    if (reply.status === 200) {
      const { success, data } = whoamiBody.safeParse(json(reply));
      if (!success) throw new BridgeError('upstream_unavailable');
      return { live: true, id: data.user_id, deviceId: data.device_id ?? null };
    }
    const fault = faultOfReply(reply, this.#options.clock.now());
    // A deactivated or locked user is known as little as a wrong token.
    if (fault.kind !== 'unknown_token' && fault.kind !== 'forbidden') throw unavailable(fault);
    const answer = reply.status === 401 ? errorBody.safeParse(json(reply)).data : undefined;
    return { live: false, answer: answer ?? null };
  }

  async profile(token: string, userId: string): Promise<AccountProfile> {
    try {
      const reply = await this.#get(`${CLIENT}/profile/${encodeURIComponent(userId)}`, token);
      const profile = profileBody.safeParse(json(reply)).data;
      return { displayName: profile?.displayname ?? null, avatarUrl: profile?.avatar_url ?? null };
    } catch {
      return { displayName: null, avatarUrl: null };
    }
  }

  async #get(path: string, token: string): Promise<OutboundReply> {
    const headers = { authorization: `Bearer ${token}` };
    try {
      return await this.#options.outbound.request({ method: 'GET', path, headers });
    } catch (cause) {
      if (cause instanceof OutboundError) throw new BridgeError('upstream_unavailable', '', { cause });
      throw cause;
    }
  }
}

function unavailable(cause: HomeserverFault): BridgeError {
  const { retryAfterMs } = cause;
  return new BridgeError('upstream_unavailable', '', {
    cause,
    ...(retryAfterMs !== null && { retryAfterMs }),
  });
}
