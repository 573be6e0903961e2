import type { FastifyInstance, RawServerDefault, FastifyBaseLogger } from 'fastify';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Clock } from '../../presence/clock.ts';
import type { Dialect } from '../../presence/dialect.ts';
import type { Deliveries } from '../../presence/deliveries.ts';
import type { AuditReader, Directory, RelationReader } from '../../presence/directory.ts';
import type { DirectoryTurns } from '../../presence/directory-turns.ts';
import type { Contacts } from '../../presence/contacts.ts';
import type { NetworkName, Person, PersonId, Visibility } from '../../presence/identity.ts';
import type { Links } from '../../presence/links.ts';
import type { Network } from '../../presence/network.ts';
import type { People } from '../../presence/people.ts';
import type { PresenceService } from '../../presence/service.ts';
import type { Secrets, Tokens } from '../../presence/tokens.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import type { Gate } from '../../admission/gate.ts';
import type { Failures } from './dashboard/failures.ts';
import type { LiveFeed } from './dashboard/live-feed.ts';
import type { OperatorSessions } from './dashboard/operator-sessions.ts';
import type { Overview } from './dashboard/overview.ts';
import type { ShownTally } from './dashboard/shown-tally.ts';
import type { ServerHealth } from './server-health.ts';

/** What the bridge's own API is made of; each route picks what it needs. */
export interface BridgeContext {
  readonly presence: Pick<
    PresenceService,
    'own' | 'shown' | 'look' | 'present' | 'subscribe' | 'write' | 'explain' | 'reveal'
  >;
  readonly people: People;
  readonly deliveries: Pick<Deliveries, 'of'>;
  readonly links: Links;
  readonly contacts: Contacts;
  readonly tokens: Tokens;
  readonly audit: AuditReader;
  readonly relations: RelationReader;
  /** What is kept of operators who signed in. */
  readonly directory: Pick<Directory, 'meta' | 'commit'>;
  readonly turns: DirectoryTurns;
  /** Calls the follower when anything may have changed unheard. */
  readonly onMissed: (follower: () => void) => void;
  /** What is served to others, by what each calls the modes. */
  readonly surfaces: readonly SurfaceWords[];
  readonly gate: Gate;
  readonly clock: Clock;
  readonly secrets: Secrets;
  readonly networks: readonly Network[];
  /** By network; only of servers to which the bridge writes with them. */
  readonly serverTokens: ReadonlyMap<NetworkName, ServerTokens>;
  /** Of every real server that is connected. */
  readonly servers: () => readonly ServerHealth[];
  /** Of people made without one. */
  readonly defaultVisibility: Visibility;
  /** SHA-256 of the operator token, base64url. */
  readonly operatorTokenHash: string;
  readonly metrics: Pick<Metrics, 'text' | 'contentType' | 'gauge' | 'histogram'>;
  /** Whether anybody may read them, not only the operator. */
  readonly metricsPublic: boolean;
  /** Resolves when the store answers, rejects when it does not. */
  readonly probe: () => Promise<unknown>;
}

/** What the surface itself adds: signed-in operators, and what a dashboard shows. */
export interface DashboardContext extends BridgeContext {
  readonly sessions: OperatorSessions;
  readonly failures: Failures;
  readonly tally: ShownTally;
  readonly feed: LiveFeed;
  /** How everything is, but for what is shown of single people. */
  readonly overview: () => Overview;
}

/** One API, and how it speaks. */
export interface SurfaceWords {
  readonly surface: string;
  readonly dialect: Dialect;
}

/** The tokens of one real server that its users gave to the bridge. */
export interface ServerTokens {
  /** Throws `bad_parameter` for a token that is not of an account of hers. */
  give(person: Person, token: string): Promise<void>;
  revoke(person: PersonId): Promise<void>;
  has(person: PersonId): Promise<boolean>;
}

/** Fastify with zod schemas. */
export type BridgeApp = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;
