import type { FastifyInstance, RawServerDefault } from 'fastify';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyBaseLogger } from 'fastify';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import type { Clock } from '../../presence/clock.ts';
import type { Contacts } from '../../presence/contacts.ts';
import type { Visibility } from '../../presence/identity.ts';
import type { Links } from '../../presence/links.ts';
import type { Network } from '../../presence/network.ts';
import type { People } from '../../presence/people.ts';
import type { PresenceService } from '../../presence/service.ts';
import type { Secrets, Tokens } from '../../presence/tokens.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import type { Gate } from '../../admission/gate.ts';

/** What the bridge's own API is made of; each route picks what it needs. */
export interface BridgeContext {
  readonly presence: Pick<PresenceService, 'own' | 'write'>;
  readonly people: People;
  readonly links: Links;
  readonly contacts: Contacts;
  readonly tokens: Tokens;
  readonly gate: Gate;
  readonly clock: Clock;
  readonly secrets: Secrets;
  readonly networks: readonly Network[];
  /** Of people made without one. */
  readonly defaultVisibility: Visibility;
  /** SHA-256 of the operator token, base64url. */
  readonly operatorTokenHash: string;
  readonly metrics: Pick<Metrics, 'text' | 'contentType'>;
  /** Whether anybody may read them, not only the operator. */
  readonly metricsPublic: boolean;
  /** Resolves when the store answers, rejects when it does not. */
  readonly probe: () => Promise<unknown>;
}

/** Fastify with zod schemas. */
export type BridgeApp = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;
