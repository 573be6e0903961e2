import { randomBytes } from 'node:crypto';
import type { Clock } from '../../presence/clock.ts';
import type { Directory } from '../../presence/directory.ts';
import type { Person, PersonId } from '../../presence/identity.ts';
import type { Network } from '../../presence/network.ts';
import type { Newcomers } from '../../presence/newcomers.ts';
import type { People } from '../../presence/people.ts';
import type { PresenceService } from '../../presence/service.ts';
import type { ServerRelationship } from '../../protocols/plexichat/server.ts';
import { Backoff } from '../backoff.ts';
import { Budget } from '../budget.ts';
import type { Connector, ConnectorHealth } from '../connector.ts';
import { Leases } from '../leases.ts';
import type { ConnectorMetrics } from '../metrics.ts';
import type { Shareable } from '../shareable.ts';
import { Side } from '../side.ts';
import type { ServerApi } from './server-api.ts';
import { endingWith } from './server-api.ts';
import { Echoes } from './echoes.ts';
import { faultKind } from './fault-kinds.ts';
import type { GatewayClientOptions, GatewayEvents, TokenState } from './gateway-client.ts';
import { HeldTokens } from './held-tokens.ts';
import { Intake } from './intake.ts';
import type { Log } from './log.ts';
import { Probe } from './probe.ts';
import { Pusher } from './pusher.ts';
import { Receiver } from './receiver.ts';
import { Reconcile } from './reconcile.ts';
import { Sealing } from './sealing.ts';
import type { PlexichatSettings } from './settings.ts';
import { warningsOf } from './settings.ts';
import { Settling } from './settling.ts';

const NAME = 'Plexichat server';
const BACKOFF = { firstMs: 1000, maxMs: 300_000 };
/** Of all requests, how many the reconciliation may use, so that writes and sign-ins never wait for it. */
const RECONCILE_SHARE = 0.5;
/** Writes under way at once. */
const CONCURRENCY = 4;

export interface PlexichatConnectorOptions {
  readonly settings: PlexichatSettings;
  readonly server: ServerApi;
  /** Makes the connection to the gateway, which begins with `start`. */
  readonly gateway: (
    options: Pick<GatewayClientOptions, 'token' | 'checkToken' | 'events'>,
  ) => AsyncDisposable & { start(): void };
  readonly presence: PresenceService;
  readonly people: People;
  readonly newcomers: Pick<Newcomers, 'find'>;
  readonly directory: Pick<Directory, 'heldTokens' | 'commit'>;
  readonly shareable: Shareable;
  readonly network: Network;
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly logger: Log;
  readonly metrics: ConnectorMetrics;
  /** Trouble of our own, such as the store's. */
  readonly report: (problem: string, error: unknown) => void;
}

/** A real Plexichat server: its users' presence taken from it, and that of linked people written to it. */
export class PlexichatConnector implements Connector {
  readonly tokens: HeldTokens;
  readonly #options: PlexichatConnectorOptions;
  readonly #over = new AbortController();
  readonly #server: ServerApi;
  readonly #side: Side;
  readonly #leases: Leases;
  readonly #reconcileBudget: Budget;
  readonly #receiver: Receiver;
  readonly #pusher: Pusher | null;
  readonly #reconcile: Reconcile | null;
  readonly #gateway: (AsyncDisposable & { start(): void }) | null;
  /** Where there is no gateway. */
  readonly #probe: Probe | null;
  #timer: Disposable | null = null;

  constructor(options: PlexichatConnectorOptions) {
    const { settings, presence, network, clock, random, logger, report } = options;
    const { token, receive, push, unknown_after } = settings;
    this.#options = options;
    this.#server = endingWith(this.#over.signal, options.server);
    this.#side = new Side({ name: NAME, clock, logger });
    this.#leases = new Leases({
      presence,
      network: network.name,
      side: this.#side,
      clock,
      believedMs: unknown_after,
      report,
    });
    this.#reconcileBudget = reconcileBudget(settings, clock);
    this.tokens = this.#makeTokens();

    const echoes = new Echoes(clock);
    const intake = new Intake({ presence, network: network.name, leases: this.#leases, clock, receive });
    this.#receiver = this.#makeReceiver(intake, echoes);
    this.#pusher = push ? this.#makePusher(echoes) : null;
    const follows = receive && token !== undefined;
    this.#reconcile = follows ? this.#makeReconcile(token) : null;
    this.#gateway = follows
      ? options.gateway({ token, checkToken: () => this.#checkToken(token), events: this.#events() })
      : null;
    const ask = () => this.#server.version();
    const backoff = new Backoff({ ...BACKOFF, random });
    this.#probe = follows ? null : new Probe({ ask, side: this.#side, clock, backoff });
  }

  start(): void {
    this.#side.subscribe(({ state }) => {
      this.#options.metrics.up(state === 'up');
      if (state === 'up') this.#pusher?.resume();
      else this.#pusher?.pause();
    });
    this.#pusher?.start().catch(this.#report('tokens that people gave could not be read'));
    this.#refreshLater();
    if (this.#gateway) this.#gateway.start();
    else this.#probe?.start();
  }

  health(): ConnectorHealth {
    const backlog = this.#pusher?.backlog ?? 0;
    this.#options.metrics.backlog(backlog);
    return { ...this.#side.health(), backlog, warnings: warningsOf(this.#options.settings) };
  }

  /** The tokens that people gave, for the API by which they give and take them back. */
  get serverTokens() {
    return {
      give: (person: Person, token: string) => this.give(person, token),
      revoke: (person: PersonId) => this.revoke(person),
      has: async (person: PersonId) => (await this.tokens.of(person)) !== null,
    };
  }

  /** How these people may be seen, or which accounts they have, has changed. */
  recheck(people: Iterable<PersonId>): void {
    for (const person of people) if (this.#pusher?.holds(person)) this.#pusher.check(person);
  }

  /** Takes back what was written in her name, as far as it can be, and forgets her token. Errors as in the store. */
  async revoke(person: PersonId): Promise<void> {
    await this.#pusher?.withdraw(person);
    await this.tokens.revoke(person);
  }

  /** Keeps her token and begins to write in her name; errors as in `HeldTokens.give`. */
  async give(person: Person, token: string): Promise<void> {
    await this.tokens.give(person, token);
  }

  /** Resolves once all that was heard is taken, and all that can be written is written; for tests. */
  async idle(): Promise<void> {
    await this.#receiver.idle();
    await this.#reconcile?.idle();
    await this.#pusher?.idle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort(new DOMException('The connector is closed', 'AbortError'));
    this.#timer?.[Symbol.dispose]();
    this.#probe?.[Symbol.dispose]();
    await this.#gateway?.[Symbol.asyncDispose]();
    await this.#reconcile?.[Symbol.asyncDispose]();
    this.#reconcileBudget[Symbol.dispose]();
    await this.#pusher?.[Symbol.asyncDispose]();
    await this.#receiver.idle();
    await this.#leases[Symbol.asyncDispose]();
    this.#side[Symbol.dispose]();
  }

  #events(): GatewayEvents {
    const { metrics, logger } = this.#options;
    const away = (name: string) => {
      metrics.event(name);
      this.#reconcile?.end();
    };
    return {
      ready: ({ userId, guildIds, resumed }) => {
        metrics.event(resumed ? 'resumed' : 'ready');
        this.#receiver.ignore(userId);
        this.#side.up();
        this.#reconcile?.begin(guildIds);
      },
      presence: (update) => this.#receiver.heard(update),
      relationship: (relationship) => this.#related(relationship),
      down: (reason) => {
        this.#side.down(reason);
        away('down');
      },
      refused: (what) => {
        this.#side.refused(what);
        away('refused');
      },
      unreadable: (type) => {
        metrics.event('unreadable');
        logger.debug({ type }, 'an event of the server could not be read');
      },
    };
  }

  /** Whoever is no friend may still be seen in a guild; nobody is made of somebody who only asks to be one. */
  #related({ userId, username, mode, isFriend }: ServerRelationship): void {
    if (isFriend && mode !== null) {
      this.#receiver.heard({ userId, username, mode });
      return;
    }
    const { people, network } = this.#options;
    const ask = async () => {
      if (await people.find({ network: network.name, id: userId })) this.#reconcile?.read(userId);
    };
    ask().catch(this.#report('a relationship could not be followed'));
  }

  /** A request failed; where a gateway tells how the server is, that is no news of it. */
  #failed(error: unknown): void {
    const kind = faultKind(error);
    this.#options.logger.debug({ kind }, 'a request to the server failed');
    this.#probe?.failed(kind);
  }

  /** A 401 may be the server's word for too many verifications; a second question tells. */
  async #checkToken(token: string): Promise<TokenState> {
    try {
      await this.#server.identify(token);
      return 'good';
    } catch (error) {
      return faultKind(error) === 'unauthorized' ? 'bad' : 'unknown';
    }
  }

  #refreshLater(): void {
    const { clock, settings } = this.#options;
    this.#timer = clock.after(settings.reconcile_every, () => {
      this.#pusher?.refresh().catch(this.#report('tokens that people gave could not be read'));
      this.#refreshLater();
    });
  }

  #report(problem: string): (error: unknown) => void {
    return (error) => this.#options.report(problem, error);
  }

  #makeTokens(): HeldTokens {
    const { settings, directory, people, network, clock, logger } = this.#options;
    const key = settings.token_key;
    return new HeldTokens({
      directory,
      people,
      network: network.name,
      sealing: key === undefined ? null : new Sealing(key, randomBytes),
      identify: (token) => this.#server.identify(token),
      clock,
      log: logger,
    });
  }

  #makeReceiver(intake: Intake, echoes: Echoes): Receiver {
    const { settings, people, newcomers, network, clock, logger, metrics } = this.#options;
    return new Receiver({
      people,
      newcomers,
      network,
      intake,
      echoes,
      clock,
      profileOf: async (userId) => {
        const { username, avatarUrl } = await this.#server.user(settings.token ?? '', userId);
        return { displayName: username, avatarUrl };
      },
      said: (person, mode) => this.#pusher?.said(person, mode),
      doubted: (person, userId) => {
        if (this.#pusher?.holds(person)) this.#pusher.check(person);
        else this.#reconcile?.read(userId);
      },
      log: logger,
      metrics,
    });
  }

  #makePusher(echoes: Echoes): Pusher {
    const { presence, people, network, shareable, clock, random, logger, metrics, report } = this.#options;
    const { tokens } = this;
    const settling = new Settling({
      server: this.#server,
      presence,
      people,
      tokens,
      network: network.name,
      shareable,
      receiver: this.#receiver,
      echoes,
      clock,
    });
    return new Pusher({
      presence,
      tokens,
      settling,
      clock,
      // Each request of a write waits for its own turn.
      budget: { turn: () => Promise.resolve() },
      backoff: () => new Backoff({ ...BACKOFF, random }),
      concurrency: CONCURRENCY,
      failed: (error) => this.#failed(error),
      report,
      log: logger,
      metrics,
    });
  }

  #makeReconcile(token: string): Reconcile {
    const { settings, presence, people, network, clock, random, logger, report } = this.#options;
    return new Reconcile({
      source: {
        relationships: (signal) => this.#server.relationships(token, { signal }),
        members: (guildId, signal) => this.#server.members(token, guildId, { signal }),
        presence: (userId, signal) => this.#server.presence(token, userId, { signal }),
      },
      receiver: this.#receiver,
      presence,
      people,
      network: network.name,
      clock,
      budget: this.#reconcileBudget,
      backoff: new Backoff({ ...BACKOFF, random }),
      everyMs: settings.reconcile_every,
      holds: (person) => this.#pusher?.holds(person) ?? false,
      check: (person) => this.#pusher?.check(person),
      failed: (error) => {
        this.#failed(error);
        if (faultKind(error) === null) report('people could not be asked for anew', error);
      },
      log: logger,
    });
  }
}

function reconcileBudget({ requests_per_minute, requests_per_day }: PlexichatSettings, clock: Clock): Budget {
  const share = (limit: number) => Math.max(1, Math.floor(limit * RECONCILE_SHARE));
  const windows = [
    { limit: share(requests_per_minute), windowMs: 60_000 },
    { limit: share(requests_per_day), windowMs: 86_400_000 },
  ];
  return new Budget({ windows, maxWaiting: 1, clock });
}
