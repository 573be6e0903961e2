import type { Clock } from '../../presence/clock.ts';
import type { Deliveries } from '../../presence/deliveries.ts';
import type { Network } from '../../presence/network.ts';
import type { Newcomers } from '../../presence/newcomers.ts';
import type { People } from '../../presence/people.ts';
import type { PresenceService } from '../../presence/service.ts';
import type { ConnectorMetrics } from '../metrics.ts';
import type { Shareable } from '../shareable.ts';
import type { GatewayClientOptions } from './gateway-client.ts';
import type { HeldTokens } from './held-tokens.ts';
import type { Log } from './log.ts';
import type { ServerApi } from './server-api.ts';
import type { PlexichatSettings } from './settings.ts';

export interface PlexichatConnectorOptions {
  readonly settings: PlexichatSettings;
  readonly server: ServerApi;
  /** Makes the connection to the gateway, which begins with `start`. */
  readonly gateway: (
    options: Pick<GatewayClientOptions, 'token' | 'checkToken' | 'events'>,
  ) => AsyncDisposable & { start(): void };
  readonly presence: PresenceService;
  readonly people: People;
  readonly newcomers: Pick<Newcomers, 'find'>;
  /** The tokens that people gave. */
  readonly tokens: HeldTokens;
  /** Told what the server took of whom. */
  readonly deliveries: Pick<Deliveries, 'note'>;
  readonly shareable: Shareable;
  readonly network: Network;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly logger: Log;
  readonly metrics: ConnectorMetrics;
  /** Trouble of our own, such as the store's. */
  readonly report: (problem: string, error: unknown) => void;
}
