import { z } from 'zod';
import type { Audience } from '../../presence/audience.ts';
import type { Clock } from '../../presence/clock.ts';
import type { Network } from '../../presence/network.ts';
import type { People } from '../../presence/people.ts';
import type { PresenceService } from '../../presence/service.ts';
import type { Secrets } from '../../presence/tokens.ts';
import type { DialectSetting } from '../../protocols/plexichat/wire.ts';
import type { Gate } from '../../admission/gate.ts';
import type { TokenCache } from '../../admission/token-cache.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import type { GatewaySettings } from './gateway/settings.ts';

/** What the Plexichat API is made of; each route picks what it needs. */
export interface PlexichatContext {
  readonly presence: Pick<PresenceService, 'own' | 'shown' | 'look' | 'write' | 'signal'>;
  readonly audience: Pick<Audience, 'watch'>;
  readonly people: Pick<People, 'find' | 'get'>;
  readonly gate: Gate;
  /** Whether a Plexichat server vouches for tokens, bots' included, which act as their owner. */
  readonly serverTokens: boolean;
  readonly tokenChanges: Pick<TokenCache, 'subscribe'>;
  readonly secrets: Pick<Secrets, 'random' | 'hash'>;
  /** This node in this life, and what all nodes seal the ids of gateway sessions with. */
  readonly node: string;
  readonly sessionKey: string;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, 'counter'>;
  readonly network: Network;
  readonly dialectSetting: DialectSetting;
  /** Origins of web pages that may call. */
  readonly corsOrigins: readonly string[];
  /** How long a presence session outlives its connection, ms. */
  readonly graceMs: number;
  readonly gateway: GatewaySettings;
  /** Of the bridge. */
  readonly version: string;
}

/** How a path names the caller instead of an id. */
export const ME = '@me';

/** The same, as it is documented. */
export const userParams = z.object({
  userId: z
    .string()
    .describe('Id of a user, or @me')
    .meta({ examples: [ME] }),
});

/** Of paths that name a user. */
export interface UserParams {
  Params: { userId: string };
}
