import type { Clock } from '../presence/clock.ts';
import type { Deliveries } from '../presence/deliveries.ts';
import type { Directory } from '../presence/directory.ts';
import type { PersonId } from '../presence/identity.ts';
import type { Newcomers } from '../presence/newcomers.ts';
import type { People } from '../presence/people.ts';
import type { PresenceService, Report } from '../presence/service.ts';
import type { Secrets } from '../presence/tokens.ts';
import type { SideLogger } from './side.ts';

/** What every connector needs before the bridge stands. */
export interface Surroundings {
  readonly clock: Clock;
  readonly secrets: Secrets;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly logger: SideLogger & { debug(details: object, message: string): void };
  readonly report: Report;
  /** Of the bridge. */
  readonly version: string;
}

/** The bridge as connectors see it. */
export interface ConnectedCore {
  readonly presence: PresenceService;
  readonly people: People;
  readonly newcomers: Newcomers;
  readonly directory: Directory;
  readonly deliveries: Pick<Deliveries, 'note'>;
  /** Calls `listener` when people may be seen by others, or go by other names and accounts, than before. */
  readonly onPeopleChanged: (listener: (people: readonly PersonId[]) => void) => void;
}
