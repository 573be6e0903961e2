import type { PersonId } from '../../presence/identity.ts';
import type { ServerRelationship } from '../../protocols/plexichat/server.ts';
import type { Connector, ConnectorHealth } from '../connector.ts';
import { faultKind } from './fault-kinds.ts';
import type { GatewayEvents, TokenState } from './gateway-client.ts';
import type { PlexichatConnectorOptions } from './options.ts';
import type { PlexichatParts } from './parts.ts';
import { makeParts, ownToken } from './parts.ts';
import { endingWith } from './server-api.ts';
import { warningsOf } from './settings.ts';

/** A real Plexichat server: its users' presence taken from it, and that of linked people written to it. */
export class PlexichatConnector implements Connector {
  readonly #options: PlexichatConnectorOptions;
  readonly #over = new AbortController();
  readonly #parts: PlexichatParts;
  readonly #gateway: (AsyncDisposable & { start(): void }) | null;
  #timer: Disposable | null = null;

  constructor(options: PlexichatConnectorOptions) {
    this.#options = { ...options, server: endingWith(this.#over.signal, options.server) };
    this.#parts = makeParts(this.#options);
    const token = ownToken(options.settings);
    const { gateway } = options;
    this.#gateway =
      token === null
        ? null
        : gateway({ token, checkToken: () => this.#checkToken(token), events: this.#events() });
  }

  start(): void {
    this.#parts.side.subscribe(({ state }) => {
      this.#options.metrics.up(state === 'up');
      if (state === 'up') this.#parts.pusher?.resume();
      else this.#parts.pusher?.pause();
    });
    this.#parts.pusher?.start().catch(this.#report('tokens that people gave could not be read'));
    this.#refreshLater();
    if (this.#gateway) this.#gateway.start();
    else this.#parts.probe?.start();
  }

  health(): ConnectorHealth {
    const backlog = this.#parts.pusher?.backlog ?? 0;
    this.#options.metrics.backlog(backlog);
    return { ...this.#parts.side.health(), backlog, warnings: warningsOf(this.#options.settings) };
  }

  /** How these people may be seen, or which accounts they have, has changed. */
  recheck(people: Iterable<PersonId>): void {
    for (const person of people) if (this.#parts.pusher?.holds(person)) this.#parts.pusher.check(person);
  }

  /** Takes back what was written in her name, as far as it can be; for whoever takes her token away. Errors as in the store. */
  async withdraw(person: PersonId): Promise<void> {
    await this.#parts.pusher?.withdraw(person);
  }

  /** Resolves once all that was heard is taken, and all that can be written is written; for tests. */
  async idle(): Promise<void> {
    await this.#parts.receiver.idle();
    await this.#parts.reconcile?.idle();
    await this.#parts.pusher?.idle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort(new DOMException('The connector is closed', 'AbortError'));
    this.#timer?.[Symbol.dispose]();
    this.#parts.probe?.[Symbol.dispose]();
    await this.#gateway?.[Symbol.asyncDispose]();
    await this.#parts.reconcile?.[Symbol.asyncDispose]();
    this.#parts.budget[Symbol.dispose]();
    await this.#parts.pusher?.[Symbol.asyncDispose]();
    await this.#parts.receiver.idle();
    await this.#parts.leases[Symbol.asyncDispose]();
    this.#parts.side[Symbol.dispose]();
  }

  #events(): GatewayEvents {
    const { metrics, logger } = this.#options;
    const away = (name: string) => {
      metrics.event(name);
      this.#parts.reconcile?.end();
    };
    return {
      ready: ({ userId, guildIds, resumed }) => {
        metrics.event(resumed ? 'resumed' : 'ready');
        this.#parts.receiver.ignore(userId);
        this.#parts.side.up();
        this.#parts.reconcile?.begin(guildIds);
      },
      presence: (update) => this.#parts.receiver.heard(update),
      relationship: (relationship) => this.#related(relationship),
      down: (reason) => {
        this.#parts.side.down(reason);
        away('down');
      },
      refused: (what) => {
        this.#parts.side.refused(what);
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
      this.#parts.receiver.heard({ userId, username, mode });
      return;
    }
    const { people, network } = this.#options;
    const ask = async () => {
      if (await people.find({ network: network.name, id: userId })) this.#parts.reconcile?.read(userId);
    };
    ask().catch(this.#report('a relationship could not be followed'));
  }

  /** A 401 may be the server's word for too many verifications; a second question tells. */
  async #checkToken(token: string): Promise<TokenState> {
    try {
      await this.#options.server.identify(token);
      return 'good';
    } catch (error) {
      return faultKind(error) === 'unauthorized' ? 'bad' : 'unknown';
    }
  }

  #refreshLater(): void {
    const { clock, settings } = this.#options;
    this.#timer = clock.after(settings.reconcile_every, () => {
      this.#parts.pusher?.refresh().catch(this.#report('tokens that people gave could not be read'));
      this.#refreshLater();
    });
  }

  #report(problem: string): (error: unknown) => void {
    return (error) => this.#options.report(problem, error);
  }
}
