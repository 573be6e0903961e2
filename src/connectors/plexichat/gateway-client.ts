import type { Clock } from '../../presence/clock.ts';
import { CLOSES } from '../../protocols/plexichat/close-codes.ts';
import type { ServerPresenceUpdate, ServerRelationship } from '../../protocols/plexichat/server.ts';
import {
  decodeRelationshipAdd,
  decodeRelationshipRemove,
  decodeServerUpdate,
} from '../../protocols/plexichat/server.ts';
import { Backoff } from '../backoff.ts';
import { Budget } from '../budget.ts';
import type { PlexichatBudgets } from './budgets.ts';
import { VERIFICATION_WINDOW_MS } from './fault.ts';
import type { GatewaySession, LinkEnd, LinkEnding } from './gateway-link.ts';
import { GatewayLink } from './gateway-link.ts';

/** A dropped session is resumed within this time, ms; the server forgets it a little later. */
const RESUME_WINDOW = 55_000;
/** After so long a time of being up the next wait is a first one, ms. */
const STEADY = 60_000;
const BACKOFF = { firstMs: 1000, maxMs: 60_000 };
/** Between two IDENTIFYs, ms. */
const IDENTIFY_EVERY = 5000;
/** When to try again what the server does not accept, ms. */
const REFUSED_RETRY = 600_000;

export type TokenState = 'good' | 'bad' | 'unknown';
export type GatewayRefusal = 'token' | 'intents';

export interface GatewayReady {
  readonly userId: string;
  /** As of the last READY. */
  readonly guildIds: readonly string[];
  /** Even then all that happened in between is lost: everybody has to be asked for anew either way. */
  readonly resumed: boolean;
}

/** What the gateway tells. None of these may throw. */
export interface GatewayEvents {
  ready(ready: GatewayReady): void;
  presence(update: ServerPresenceUpdate): void;
  relationship(relationship: ServerRelationship): void;
  /** It has gone, or could not be reached; another try follows by itself. */
  down(reason: LinkEnd): void;
  /** It does not accept us; a try every ten minutes follows. */
  refused(what: GatewayRefusal): void;
  /** An event of this type came that could not be understood. */
  unreadable(type: string): void;
}

export interface GatewayClientOptions {
  /** Where the server is, `http` or `https`. */
  readonly baseUrl: string;
  readonly token: string;
  readonly budgets: Pick<PlexichatBudgets, 'turn'>;
  /** Asks REST about the token; rejecting means `unknown`. */
  readonly checkToken: () => Promise<TokenState>;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly events: GatewayEvents;
}

/**
 * The bridge's connection to the gateway of a real Plexichat server, for as long as it lives. IDENTIFY makes the owner
 * of the token online there, whatever she had set, and of a bot's token that is its owner: only ever to be used with
 * the token of the bridge's own account. Presence comes of the friends of that account and of the members of its
 * guilds, and some of it never does.
 */
export class GatewayClient implements AsyncDisposable {
  readonly #options: GatewayClientOptions;
  readonly #url: string;
  readonly #backoff: Backoff;
  readonly #spacing: Budget;
  #link: GatewayLink | null = null;
  #session: GatewaySession | null = null;
  /** When the last link that was ready ended, ms since 1970. */
  #droppedAt = 0;
  /** When READY or RESUMED came on the present link, ms since 1970. */
  #readyAt: number | null = null;
  #retry: Disposable | null = null;
  #disposed = false;

  constructor(options: GatewayClientOptions) {
    const { baseUrl, clock, random } = options;
    this.#options = options;
    this.#url = gatewayUrl(baseUrl);
    this.#backoff = new Backoff({ ...BACKOFF, random });
    this.#spacing = new Budget({ windows: [{ limit: 1, windowMs: IDENTIFY_EVERY }], maxWaiting: 1, clock });
  }

  /** Begins to connect; to be called once. */
  start(): void {
    this.#connect();
  }

  /** Closes the socket, which the server takes for its account going offline. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposed = true;
    this.#retry?.[Symbol.dispose]();
    this.#spacing[Symbol.dispose]();
    await this.#link?.cut();
  }

  #connect(): void {
    if (this.#disposed) return;
    const { token, clock, random, events } = this.#options;
    this.#readyAt = null;
    this.#link = new GatewayLink({
      url: this.#url,
      token,
      clock,
      random,
      session: this.#resumable(),
      mayIdentify: (signal) => this.#mayIdentify(signal),
      ready: (session, resumed) => this.#ready(session, resumed),
      event: (type, d) => dispatch(type, d, events),
      ended: (ending) => void this.#ended(ending),
    });
  }

  #resumable(): GatewaySession | null {
    const gone = this.#options.clock.now() - this.#droppedAt;
    return gone <= RESUME_WINDOW ? this.#session : null;
  }

  async #mayIdentify(signal: AbortSignal): Promise<void> {
    await this.#spacing.turn(signal);
    await this.#options.budgets.turn('interactive', signal);
  }

  #ready(session: GatewaySession, resumed: boolean): void {
    this.#session = session;
    this.#readyAt = this.#options.clock.now();
    const { userId, guildIds } = session;
    this.#options.events.ready({ userId, guildIds, resumed });
  }

  async #ended(ending: LinkEnding): Promise<void> {
    const now = this.#options.clock.now();
    if (this.#readyAt !== null) {
      this.#droppedAt = now;
      if (now - this.#readyAt >= STEADY) this.#backoff.reset();
    }
    if (!ending.resumable) this.#session = null;
    if (ending.code === CLOSES.authentication_failed.code) await this.#authenticationFailed();
    else if (ending.code === CLOSES.invalid_intents.code) this.#refused('intents');
    else this.#down(ending.end, ending.retryAfterMs);
  }

  /** 4004 is said as well when too many tokens were verified, so only REST is believed (Plexichat rate limits). */
  async #authenticationFailed(): Promise<void> {
    const state = await this.#options.checkToken().catch((): TokenState => 'unknown');
    if (this.#disposed) return;
    if (state === 'bad') this.#refused('token');
    else if (state === 'good') this.#down('rate_limited', VERIFICATION_WINDOW_MS);
    else this.#down('closed', null);
  }

  #down(reason: LinkEnd, retryAfterMs: number | null): void {
    this.#options.events.down(reason);
    this.#retryIn(this.#backoff.next(retryAfterMs));
  }

  #refused(what: GatewayRefusal): void {
    this.#options.events.refused(what);
    this.#retryIn(REFUSED_RETRY);
  }

  #retryIn(ms: number): void {
    if (this.#disposed) return;
    this.#retry = this.#options.clock.after(ms, () => this.#connect());
  }
}

function dispatch(type: string, d: unknown, events: GatewayEvents): void {
  if (type === 'PRESENCE_UPDATE') {
    tell(type, decodeServerUpdate(d), events, (update) => events.presence(update));
  } else if (type === 'RELATIONSHIP_ADD') {
    tell(type, decodeRelationshipAdd(d), events, (added) => events.relationship(added));
  } else if (type === 'RELATIONSHIP_REMOVE') {
    tell(type, decodeRelationshipRemove(d), events, (removed) => events.relationship(removed));
  }
}

function tell<T>(type: string, read: T | null, events: GatewayEvents, listen: (read: T) => void): void {
  if (read) listen(read);
  else events.unreadable(type);
}

/** The `resume_gateway_url` of READY is a placeholder, so this is the only place there is. */
function gatewayUrl(baseUrl: string): string {
  const url = new URL(`${baseUrl.replace(/\/+$/, '')}/gateway`);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  return url.href;
}
