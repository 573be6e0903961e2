import type { onRequestAsyncHookHandler } from 'fastify';
import type { Network } from '../../presence/network.ts';
import type { Secrets } from '../../presence/tokens.ts';
import type { Gate } from '../../admission/gate.ts';

/** What the application service API is made of; each route picks what it needs. */
export interface AppserviceContext {
  readonly gate: Pick<Gate, 'refuse'>;
  readonly secrets: Pick<Secrets, 'hash'>;
  /** What the homeserver must know. */
  readonly hsToken: string;
  readonly network: Network;
  /** Names of the third party protocols that the bridge leads to. */
  readonly protocols: readonly string[];
  /** Resolves once the transaction need not be sent again. Throws `bad_json`, and whatever is over later. */
  readonly receiver: { receive(txnId: string, body: unknown): Promise<void> };
  /** Whether somebody answers by this id, one of those kept for stand-ins. Makes her known to the homeserver if need be. */
  readonly provideStandIn: (userId: string) => Promise<boolean>;
}

/** A version of the paths. */
export interface AppserviceApi {
  /** Where its paths begin. */
  readonly root: string;
  /** Lets the homeserver in, before anything else of its request is read. */
  readonly authenticate: onRequestAsyncHookHandler;
}
