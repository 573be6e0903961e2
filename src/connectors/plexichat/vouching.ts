import type { Introspection, Upstream } from '../../admission/upstream-tokens.ts';
import { BridgeError } from '../../presence/errors.ts';
import type { AccountProfile } from '../../presence/newcomers.ts';
import { PLEXICHAT } from '../../protocols/plexichat/ids.ts';
import { PlexichatFault } from './fault.ts';
import type { PlexichatRest } from './rest.ts';

/** Of a user's session, or of a bot, which acts as its owner (Plexichat auth). */
const TOKEN = /^(?:bot\.)?\d+\.[\w-]+$/;

/** Has the Plexichat server say whose a token is. */
export class ServerVouching implements Upstream {
  readonly network = PLEXICHAT;
  readonly believedMs: number;
  readonly #rest: Pick<PlexichatRest, 'identify' | 'user'>;

  /** `believedMs`: how long a live token is believed. */
  constructor(rest: Pick<PlexichatRest, 'identify' | 'user'>, believedMs: number) {
    this.#rest = rest;
    this.believedMs = believedMs;
  }

  recognises(token: string): boolean {
    return TOKEN.test(token);
  }

  async introspect(token: string): Promise<Introspection> {
    try {
      return { live: true, id: await this.#rest.identify(token), deviceId: null };
    } catch (error) {
      if (!(error instanceof PlexichatFault)) throw error;
      if (error.kind === 'unauthorized' || error.kind === 'forbidden') return { live: false, answer: null };
      const { retryAfterMs } = error;
      throw new BridgeError('upstream_unavailable', '', {
        cause: error,
        ...(retryAfterMs !== null && { retryAfterMs }),
      });
    }
  }

  async profile(token: string, userId: string): Promise<AccountProfile> {
    try {
      const { username, avatarUrl } = await this.#rest.user(token, userId, { priority: 'interactive' });
      return { displayName: username, avatarUrl };
    } catch {
      return { displayName: null, avatarUrl: null };
    }
  }
}
