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
  /** When it was said, ms since 1970. */
  readonly at: number;
  /** Her last explicit write of whatever kind, ms since 1970. */
  readonly activeAt: number;
  /** From this instant on it is not said any more, ms since 1970. Null: never. `offline` has none. */
  readonly expiresAt: number | null;
}

/** What a connection can say of its person; a connection that says nothing of her makes no session. */
export type SessionMode = Exclude<Availability, 'offline'>;

/** What one connection or device says by itself, without a word of the person (semantics §5). */
export interface Session {
  /** Names the connection or device; unique for its person and origin. */
  readonly id: string;
  readonly origin: Origin;
  readonly mode: SessionMode;
  /** Milliseconds since 1970. */
  readonly lastActivity: number;
  /** Lease: from this instant on there is no session, unless it is renewed; ms since 1970. */
  readonly endsAt: number;
}

/** Text and emoji are verbatim, never empty, and never both null. */
export interface CustomStatus {
  readonly text: string | null;
  readonly emoji: string | null;
  readonly origin: Origin;
  /** Milliseconds since 1970; from this instant on there is no status. Null: never. */
  readonly expiresAt: number | null;
}

/** A custom status as a network shows it. */
export interface SeenStatus {
  readonly text: string | null;
  readonly emoji: string | null;
}

/**
 * What a network's own server last said of its user. It combines her connections there by itself, so this is no session:
 * it does not age, and an end of the server's silence is all that ends it.
 */
export interface Feed {
  readonly origin: NetworkName;
  /** `invisible` only where she herself was told so. */
  readonly mode: Mode;
  /** What the server showed as her status, by which a change is told from a repetition. */
  readonly status: SeenStatus;
  /** Lease: from this instant on it is unknown how she is there, unless it is renewed; ms since 1970. */
  readonly endsAt: number;
  /** What the bridge itself last wrote there in her name, by which its echo is told from her own word. */
  readonly written: Written | null;
}

export interface Written {
  readonly mode: Availability;
  /** By the clock of that server where it tells, ms since 1970. */
  readonly at: number;
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
  /** Those that had not ended when the record was made. */
  readonly sessions: readonly Session[];
  /** At most one of each network. */
  readonly feeds: readonly Feed[];
  readonly status: CustomStatus | null;
  /** Milliseconds since 1970, or null when unknown. */
  readonly lastActivity: number | null;
  readonly veil: Veil | null;
  /** From this instant on nothing changes by the passing of time, ms since 1970; null when nothing does already. */
  readonly settledAt: number | null;
}

export const BLANK: PresenceRecord = {
  version: 0,
  claim: null,
  sessions: [],
  feeds: [],
  status: null,
  lastActivity: null,
  veil: null,
  settledAt: null,
};
