import type { FastifyBaseLogger } from 'fastify';
import { BridgeError } from '../../../presence/errors.ts';
import type { PersonId } from '../../../presence/identity.ts';
import type { PlexichatContext } from '../context.ts';
import type { PresenceEncoder } from './contact-feed.ts';
import type { GatewayCounters } from './counters.ts';
import type { GatewaySession, Holder } from './session.ts';
import type { Sessions } from './sessions.ts';

/** What connections are made of. */
export interface GatewayContext extends PlexichatContext {
  readonly sessions: Sessions;
  readonly encoder: PresenceEncoder;
  readonly counters: GatewayCounters;
  readonly log: FastifyBaseLogger;
}

/** Where a connection comes from. */
export interface Origin {
  /** Address of the client. */
  readonly ip: string;
  /** Where this client finds the gateway again. */
  readonly url: string;
}

/** A connection as the handlers of its opcodes see it. */
export interface Peer extends Holder {
  readonly context: GatewayContext;
  readonly origin: Origin;
  /** Null until it has identified or resumed. */
  readonly session: GatewaySession | null;
  /** It has identified or resumed, by this token. */
  hold(session: GatewaySession, token: string): void;
  /** All that is sent from now on is compressed. */
  compress(): void;
  /** A heartbeat has come. */
  beat(): void;
}

/** Of whom the token is; null when it is not live. Errors as in the store. */
export async function admit({ context, origin }: Peer, token: string): Promise<PersonId | null> {
  try {
    return (await context.gate.admit(token, origin.ip, context.network.name)).person;
  } catch (error) {
    const refused =
      error instanceof BridgeError && (error.code === 'unknown_token' || error.code === 'rate_limited');
    if (refused) return null;
    throw error;
  }
}
