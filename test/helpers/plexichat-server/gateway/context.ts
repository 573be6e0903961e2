import type { Accounts } from '../accounts.ts';
import type { Verifications } from '../authentication.ts';
import type { Settings } from '../options.ts';
import type { Presence } from '../presence.ts';
import type { Relations } from '../relations.ts';
import type { Connection } from './connection.ts';
import type { GatewayFaults } from './faults.ts';
import type { Session } from './sessions.ts';

export interface SeenIdentify {
  /** Null when the token was refused before it was known whose it is. */
  readonly userId: string | null;
  readonly token: unknown;
  readonly intents: unknown;
  readonly compress: unknown;
  /** A number is the code that the socket was closed with. */
  readonly outcome: 'ready' | 'ignored' | 'op 9' | 'crash' | number;
  /** ms since 1970. */
  readonly at: number;
}

export interface SeenResume {
  readonly sessionId: unknown;
  readonly seq: unknown;
  readonly accepted: boolean;
  readonly at: number;
}

/** What all connections share. */
export interface GatewayContext {
  readonly settings: Settings;
  readonly accounts: Accounts;
  readonly relations: Relations;
  readonly presence: Presence;
  readonly verifications: Verifications;
  readonly faults: GatewayFaults;
  readonly sessions: Map<string, Session>;
  readonly connections: Set<Connection>;
  readonly identifies: SeenIdentify[];
  readonly resumes: SeenResume[];
  /** Something happened that a test may wait for. */
  readonly activity: () => void;
}
