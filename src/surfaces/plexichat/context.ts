import type { Clock } from '../../presence/clock.ts';
import type { Network } from '../../presence/network.ts';
import type { People } from '../../presence/people.ts';
import type { PresenceService } from '../../presence/service.ts';
import type { DialectSetting } from '../../protocols/plexichat/wire.ts';
import type { Gate } from '../http/gate.ts';

/** What the Plexichat API is made of; each route picks what it needs. */
export interface PlexichatContext {
  readonly presence: Pick<PresenceService, 'own' | 'shown' | 'write'>;
  readonly people: Pick<People, 'find' | 'get'>;
  readonly gate: Gate;
  readonly clock: Clock;
  readonly network: Network;
  readonly dialectSetting: DialectSetting;
  /** Origins of web pages that may call. */
  readonly corsOrigins: readonly string[];
  /** Of the bridge. */
  readonly version: string;
}

/** How a path names the caller instead of an id. */
export const ME = '@me';

/** Of paths that name a user. */
export interface UserParams {
  Params: { userId: string };
}
