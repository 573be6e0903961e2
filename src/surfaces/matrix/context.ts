import type { onRequestAsyncHookHandler } from 'fastify';
import type { Clock } from '../../presence/clock.ts';
import type { Contacts } from '../../presence/contacts.ts';
import type { Network } from '../../presence/network.ts';
import type { People } from '../../presence/people.ts';
import type { PresenceService } from '../../presence/service.ts';
import type { MatrixDialect } from '../../protocols/matrix/dialect.ts';
import type { Gate } from '../http/gate.ts';

/** What the client API is made of; each route picks what it needs. */
export interface MatrixContext {
  readonly presence: Pick<PresenceService, 'own' | 'shown' | 'write'>;
  readonly people: Pick<People, 'find' | 'get'>;
  readonly contacts: Pick<Contacts, 'change' | 'list'>;
  readonly gate: Gate;
  readonly clock: Clock;
  readonly network: Network;
  /** Whether MSC3026 is on. */
  readonly busy: boolean;
  /** Whether versions after v1 take a token from the query; v1 always does. */
  readonly queryTokens: boolean;
}

/** One version of the client API. */
export interface ApiVersion {
  /** Where its paths begin. */
  readonly root: string;
  readonly dialect: MatrixDialect;
  /** Lets a request in by its token, before anything else of it is read. */
  readonly authenticate: onRequestAsyncHookHandler;
}

/** Of paths that name a user. */
export interface UserParams {
  Params: { userId: string };
}
