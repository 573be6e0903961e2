import type { NetworkName } from './identity.ts';

/** What somebody can say of herself, in preference order where one wire word stands for several (semantics §3). */
export const MODES = ['online', 'idle', 'offline', 'chat', 'dnd', 'invisible'] as const;
export type Mode = (typeof MODES)[number];

/** What others can be shown: nobody is ever shown invisible. */
export type Availability = Exclude<Mode, 'invisible'>;

/** Where a statement came from: a network, or the bridge's own API. */
export type Origin = NetworkName | typeof BRIDGE;
export const BRIDGE = 'bridge';

/** What somebody said explicitly. */
export interface Claim {
  readonly mode: Mode;
  readonly origin: Origin;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** Text and emoji are verbatim, never empty, and never both null. */
export interface CustomStatus {
  readonly text: string | null;
  readonly emoji: string | null;
  readonly origin: Origin;
  /** Milliseconds since 1970; from this instant on there is no status. Null: never. */
  readonly expiresAt: number | null;
}

/**
 * What others are held to while she is offline or invisible by her own word. It is taken when she leaves their
 * sight and dropped when she comes back; once `sealed` by invisibility nothing moves it (semantics §6).
 */
export interface Veil {
  readonly lastActivity: number | null;
  readonly status: CustomStatus | null;
  readonly sealed: boolean;
}

/** The one presence of a person (semantics §2). Nobody but the person may see more of it than `project().shown`. */
export interface PresenceRecord {
  /** +1 on every accepted change; 0 is the record nobody has written. */
  readonly version: number;
  readonly claim: Claim | null;
  readonly status: CustomStatus | null;
  /** Milliseconds since 1970, or null when unknown. */
  readonly lastActivity: number | null;
  readonly veil: Veil | null;
}

export const BLANK: PresenceRecord = {
  version: 0,
  claim: null,
  status: null,
  lastActivity: null,
  veil: null,
};
