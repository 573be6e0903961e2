import { z } from 'zod';
import type { onRequestAsyncHookHandler } from 'fastify';
import type { Audience } from '../../presence/audience.ts';
import type { Clock } from '../../presence/clock.ts';
import type { Contacts } from '../../presence/contacts.ts';
import type { Network } from '../../presence/network.ts';
import type { People } from '../../presence/people.ts';
import type { PresenceService } from '../../presence/service.ts';
import type { Secrets, Tokens } from '../../presence/tokens.ts';
import type { MatrixDialect } from '../../protocols/matrix/dialect.ts';
import type { Gate } from '../../admission/gate.ts';

/** What the client API is made of; each route picks what it needs. */
export interface MatrixContext {
  readonly presence: Pick<PresenceService, 'own' | 'shown' | 'write' | 'signal'>;
  readonly audience: Pick<Audience, 'watch' | 'catchUp'>;
  readonly tokens: Pick<Tokens, 'list' | 'revoke'>;
  readonly people: Pick<People, 'find' | 'get'>;
  readonly contacts: Pick<Contacts, 'change' | 'list'>;
  readonly gate: Gate;
  /** Null where the bridge is no application service. */
  readonly masquerade: Masquerade | null;
  readonly clock: Clock;
  readonly network: Network;
  /** Whether MSC3026 is on. */
  readonly busy: boolean;
  /** Whether versions after v1 take a token from the query; v1 always does. */
  readonly queryTokens: boolean;
  /** How long a session outlives its connection, ms. */
  readonly graceMs: number;
  readonly sync: SyncLimits;
}

/** The application service that the bridge is to a homeserver. */
export interface Masquerade {
  /** SHA-256 of its `as_token`, base64url. */
  readonly tokenHash: string;
  readonly hash: Secrets['hash'];
}

export interface SyncLimits {
  /** The longest that a request is held, ms. */
  readonly maxTimeoutMs: number;
  /** Whether a first sync tells of everybody who is offline. */
  readonly includeOffline: boolean;
  /** How long a user's stream is kept after her last request, ms. */
  readonly streamTtlMs: number;
  /** The most users with a stream. */
  readonly maxStreams: number;
  /** The most requests of one user that are held at a time. */
  readonly waitersPerPerson: number;
}

/** One version of the client API. */
export interface ApiVersion {
  /** Where its paths begin. */
  readonly root: string;
  readonly dialect: MatrixDialect;
  /** Lets a request in by its token, before anything else of it is read. */
  readonly authenticate: onRequestAsyncHookHandler;
}

/** The same, as it is documented. */
export const userParams = z.object({
  userId: z.string().describe('A user id, such as `@alice:example.org`'),
});

/** Of paths that name a user. */
export interface UserParams {
  Params: { userId: string };
}
