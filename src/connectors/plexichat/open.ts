import type { z } from 'zod';
import type { Upstream } from '../../admission/upstream-tokens.ts';
import type { Network } from '../../presence/network.ts';
import type { ConnectedCore, Surroundings } from '../core.ts';
import type { ConnectorMetrics } from '../metrics.ts';
import { Outbound } from '../outbound.ts';
import { shareability } from '../shareable.ts';
import type { Avatar } from './avatars.ts';
import { Avatars, MAX_AVATAR_BYTES } from './avatars.ts';
import { PlexichatBudgets } from './budgets.ts';
import type { serverSection } from './config.ts';
import { PlexichatConnector } from './connector.ts';
import { PlexichatFault } from './fault.ts';
import { GatewayClient } from './gateway-client.ts';
import { PlexichatRest } from './rest.ts';
import { ServerVouching } from './vouching.ts';

type ServerSettings = z.output<ReturnType<typeof serverSection>>;

export interface OpenServerOptions extends Surroundings {
  readonly settings: ServerSettings & { readonly url: string };
  readonly metrics: ConnectorMetrics;
}

const LIMITS = { maxBodyBytes: 16 * 1024 * 1024, connections: 8 };
const AVATAR_LIMITS = { maxBodyBytes: MAX_AVATAR_BYTES, connections: 2 };

/** Makes ready to connect to a Plexichat server. */
export function openServer(options: OpenServerOptions) {
  const { settings, clock, random, metrics, version } = options;
  const budgets = new PlexichatBudgets({
    requestsPerMinute: settings.requests_per_minute,
    requestsPerDay: settings.requests_per_day,
    bypass: settings.rate_limit_bypass !== undefined,
    clock,
  });
  const toServer = {
    baseUrl: settings.url,
    timeoutMs: settings.timeout,
    userAgent: `plexibridge/${version}`,
    observe: (outcome: string) => metrics.request(outcome),
  };
  const outbound = new Outbound({ ...toServer, ...LIMITS });
  const toAvatars = new Outbound({ ...toServer, ...AVATAR_LIMITS });
  const common = { baseUrl: settings.url, budgets, clock, rateLimitBypass: settings.rate_limit_bypass };
  const rest = new PlexichatRest({ ...common, outbound, accessToken: settings.access_token });
  const avatars = new Avatars({ ...common, outbound: toAvatars });

  let connector: PlexichatConnector | null = null;

  /** Puts the connector together; it begins with `start` and ends with `close`. */
  function connect(core: ConnectedCore, network: Network): PlexichatConnector {
    const made = new PlexichatConnector({
      ...options,
      ...core,
      server: rest,
      gateway: (gateway) => new GatewayClient({ ...gateway, baseUrl: settings.url, budgets, clock, random }),
      shareable: shareability(core.directory),
      network,
    });
    core.onPeopleChanged((changed) => made.recheck(changed));
    connector = made;
    return made;
  }

  async function close(): Promise<void> {
    await connector?.[Symbol.asyncDispose]();
    budgets[Symbol.dispose]();
    await toAvatars[Symbol.asyncDispose]();
    await outbound[Symbol.asyncDispose]();
  }

  /** The picture of a user there; null for what is not on the server. */
  async function fetchAvatar(url: string): Promise<Avatar | null> {
    try {
      return await avatars.get(url);
    } catch (error) {
      if (error instanceof PlexichatFault) return null;
      throw error;
    }
  }

  const upstream: Upstream | null = settings.verify_tokens
    ? new ServerVouching(rest, settings.token_cache)
    : null;
  return { upstream, connect, fetchAvatar, close };
}
