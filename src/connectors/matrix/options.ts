import type { Clock } from '../../presence/clock.ts';
import type { Deliveries } from '../../presence/deliveries.ts';
import type { Directory } from '../../presence/directory.ts';
import type { NetworkName, Person, PersonId } from '../../presence/identity.ts';
import type { Network } from '../../presence/network.ts';
import type { PresenceService } from '../../presence/service.ts';
import type { ConnectorMetrics } from '../metrics.ts';
import type { Outbound } from '../outbound.ts';
import type { SideLogger } from '../side.ts';
import type { StandInsOptions } from './stand-ins.ts';

export interface MatrixConnectorSettings {
  readonly receive: boolean;
  readonly push: boolean;
  readonly mirror: boolean;
  /** Id or alias of the room that the stand-ins join. */
  readonly room?: string | undefined;
  readonly keepAliveMs: number;
  readonly putsPerSecond: number;
  readonly unknownAfterMs: number;
}

export interface MatrixConnectorOptions {
  readonly settings: MatrixConnectorSettings;
  /** Requests to the homeserver; the caller owns it. */
  readonly outbound: Pick<Outbound, 'request'>;
  readonly registration: { readonly id: string; readonly asToken: string; readonly senderLocalpart: string };
  /** The domain of the homeserver's users. */
  readonly serverName: string;
  readonly network: Network;
  readonly people: {
    byId(id: PersonId): Promise<Person | null>;
    /** The person an address leads to, stand-ins included. */
    byAddress(address: { network: NetworkName; id: string }): Promise<Person | null>;
  };
  readonly presence: Pick<PresenceService, 'present' | 'look' | 'apart' | 'subscribe' | 'fed' | 'extendFeed'>;
  readonly shareable: (person: Person, network: NetworkName) => Promise<boolean>;
  readonly directory: Pick<Directory, 'meta' | 'commit'>;
  /** Told what the server took of whom. */
  readonly deliveries: Pick<Deliveries, 'note'>;
  /** As in `StandIns`. */
  readonly fetchAvatar: StandInsOptions['fetchAvatar'];
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly metrics: Pick<ConnectorMetrics, 'pushed' | 'event' | 'up' | 'backlog'>;
  readonly logger: SideLogger;
  readonly report: (problem: string, error: unknown) => void;
}
