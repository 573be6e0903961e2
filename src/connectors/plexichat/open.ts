import { randomBytes } from 'node:crypto';
import type { z } from 'zod';
import type { Upstream } from '../../admission/upstream-tokens.ts';
import type { Person, PersonId } from '../../presence/identity.ts';
import type { Network } from '../../presence/network.ts';
import type { ConnectedCore, Surroundings } from '../core.ts';
import { Lives } from '../lives.ts';
import { notHere } from '../on-duty.ts';
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
import { HeldTokens } from './held-tokens.ts';
import { SERVER } from './parts.ts';
import { PlexichatRest } from './rest.ts';
import { Sealing } from './sealing.ts';
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

  let lives: Lives<PlexichatConnector> | null = null;

  /** Puts everything together, once. The connector begins with `start`, ends when it is disposed, and may begin anew then. */
  function connect(core: ConnectedCore, network: Network) {
    const tokens = openHeldTokens(options, core, network, (token) => rest.identify(token));
    const make = () =>
      new PlexichatConnector({
        ...options,
        ...core,
        tokens,
        server: rest,
        gateway: (gateway) =>
          new GatewayClient({ ...gateway, baseUrl: settings.url, budgets, clock, random }),
        shareable: shareability(core.directory),
        network,
      });
    const connector = new Lives({ name: SERVER, clock, metrics, make });
    lives = connector;
    core.onPeopleChanged((changed) => connector.current?.recheck(changed));
    const serverTokens = {
      // Where another node has the connector, it finds the token when it next looks for such.
      give: (person: Person, token: string) => tokens.give(person, token),
      revoke: async (person: PersonId) => {
        if (!connector.current) throw notHere('overloaded');
        await connector.current.withdraw(person);
        await tokens.revoke(person);
      },
      has: async (person: PersonId) => (await tokens.of(person)) !== null,
    };
    return { connector, serverTokens };
  }

  async function close(): Promise<void> {
    await lives?.[Symbol.asyncDispose]();
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

function openHeldTokens(
  { settings: { token_key: key }, clock, logger }: OpenServerOptions,
  { directory, people }: ConnectedCore,
  network: Network,
  identify: (token: string) => Promise<string>,
): HeldTokens {
  const sealing = key === undefined ? null : new Sealing(key, randomBytes);
  return new HeldTokens({ directory, people, network: network.name, sealing, identify, clock, log: logger });
}
