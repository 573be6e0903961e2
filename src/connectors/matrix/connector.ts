import type { Clock } from '../../presence/clock.ts';
import type { Directory } from '../../presence/directory.ts';
import { BridgeError } from '../../presence/errors.ts';
import type { NetworkName, Person, PersonId } from '../../presence/identity.ts';
import { ownAddress } from '../../presence/identity.ts';
import type { Network } from '../../presence/network.ts';
import { idOn } from '../../presence/network.ts';
import type { PresenceService } from '../../presence/service.ts';
import type { MatrixDialect } from '../../protocols/matrix/dialect.ts';
import { MODERN, MODERN_WITH_BUSY } from '../../protocols/matrix/dialect.ts';
import { Budget } from '../budget.ts';
import type { Connector, ConnectorHealth } from '../connector.ts';
import { Leases } from '../leases.ts';
import type { ConnectorMetrics } from '../metrics.ts';
import type { Outbound } from '../outbound.ts';
import type { SideHealth, SideLogger } from '../side.ts';
import { Side } from '../side.ts';
import { BusyNotes } from './busy-notes.ts';
import { Callback } from './callback.ts';
import { DeliveryWatch } from './delivery-watch.ts';
import type { Capabilities } from './homeserver.ts';
import { Homeserver } from './homeserver.ts';
import { HomeserverFault } from './homeserver-fault.ts';
import { Mirror } from './mirror.ts';
import { PresencePush } from './presence-push.ts';
import type { WriterContext } from './presence-writer.ts';
import { Probe } from './probe.ts';
import { Room } from './room.ts';
import type { StandInsOptions } from './stand-ins.ts';
import { StandIns } from './stand-ins.ts';

/** The most writes of one writer that wait for the budget. */
const MAX_WAITING = 64;
/** Stand-ins whose name and picture are remembered, and tokens of people who are mirrored. */
const REMEMBERED = 50_000;

export interface MatrixConnectorSettings {
  readonly receive: boolean;
  readonly push: boolean;
  readonly mirror: boolean;
  /** Id or alias of the room that the stand-ins join. */
  readonly room?: string | undefined;
  readonly keepAliveMs: number;
  readonly putsPerSecond: number;
  readonly unknownAfterMs: number;
}

export interface MatrixConnectorOptions {
  readonly settings: MatrixConnectorSettings;
  /** Requests to the homeserver; the caller owns it. */
  readonly outbound: Pick<Outbound, 'request'>;
  readonly registration: { readonly id: string; readonly asToken: string; readonly senderLocalpart: string };
  /** The domain of the homeserver's users. */
  readonly serverName: string;
  readonly network: Network;
  readonly people: {
    byId(id: PersonId): Promise<Person | null>;
    /** The person an address leads to, stand-ins included. */
    byAddress(address: { network: NetworkName; id: string }): Promise<Person | null>;
  };
  readonly presence: Pick<PresenceService, 'present' | 'look' | 'apart' | 'subscribe' | 'fed' | 'extendFeed'>;
  readonly shareable: (person: Person, network: NetworkName) => Promise<boolean>;
  readonly directory: Pick<Directory, 'meta' | 'commit'>;
  /** As in `StandIns`. */
  readonly fetchAvatar: StandInsOptions['fetchAvatar'];
  readonly clock: Clock;
  /** A number in [0, 1). */
  readonly random: () => number;
  readonly metrics: Pick<ConnectorMetrics, 'pushed' | 'event' | 'up' | 'backlog'>;
  readonly logger: SideLogger;
  readonly report: (problem: string, error: unknown) => void;
}

/** The homeserver that the bridge serves as an application service. What comes from it comes by `received`. */
export class MatrixConnector implements Connector {
  /** How long the homeserver's word holds. */
  readonly leases: Leases;
  /** Told of verified tokens, asked for echoes. Idle where the settings do not want it. */
  readonly mirror: Pick<Mirror, 'verified' | 'echoes' | 'echoesEnd'>;
  /** Where the stand-ins are; null when they are in no room. */
  readonly room: Room | null;
  readonly #options: MatrixConnectorOptions;
  readonly #homeserver: Homeserver;
  readonly #side: Side;
  readonly #budget: Budget;
  readonly #probe: Probe;
  readonly #standIns: StandIns;
  readonly #push: PresencePush | null;
  readonly #mirror: Mirror | null;
  readonly #watch: DeliveryWatch;
  readonly #callback: Callback;
  #capabilities: Capabilities | null = null;
  /** Whether everybody who is there has been shown to the homeserver in its present dialect. */
  #shown = false;

  constructor(options: MatrixConnectorOptions) {
    const { settings, clock, network, presence, logger, random, report } = options;
    this.#options = options;
    this.#homeserver = new Homeserver({ ...options, asToken: options.registration.asToken });
    this.#side = new Side({ name: 'homeserver', clock, logger });
    this.leases = new Leases({
      presence,
      network: network.name,
      side: this.#side,
      clock,
      believedMs: settings.unknownAfterMs,
      report,
    });
    this.#budget = new Budget({
      windows: [windowOf(settings.putsPerSecond)],
      maxWaiting: MAX_WAITING,
      clock,
    });
    this.#probe = new Probe({
      homeserver: this.#homeserver,
      side: this.#side,
      senderId: `@${options.registration.senderLocalpart}:${options.serverName}`,
      clock,
      random,
      onAnswer: (capabilities) => this.#learn(capabilities),
      report,
    });
    this.#watch = new DeliveryWatch({ clock, logger });
    this.#callback = new Callback({
      ...options,
      homeserver: this.#homeserver,
      registrationId: options.registration.id,
    });
    this.room = this.#makeRoom();
    this.#standIns = new StandIns({
      ...options,
      homeserver: this.#homeserver,
      room: this.room,
      remembered: REMEMBERED,
    });
    this.#push = settings.push ? this.#makePush() : null;
    this.#mirror = settings.mirror ? this.#makeMirror() : null;
    this.mirror = this.#mirror ?? NO_MIRROR;
  }

  /** As the homeserver speaks; may change whenever it restarts. */
  get dialect(): MatrixDialect {
    return this.#capabilities?.busy === true ? MODERN_WITH_BUSY : MODERN;
  }

  /** The client of the homeserver; what is asked for by it waits for no budget. */
  get homeserver(): Homeserver {
    return this.#homeserver;
  }

  /** Calls `listener` whenever the homeserver comes up (`true`), or can be reached no more. */
  onSide(listener: (up: boolean) => void): void {
    this.#side.subscribe(({ state }) => listener(state === 'up'));
  }

  /** Something was seen that makes a look at the homeserver worthwhile. */
  look(): void {
    this.#probe.soon();
  }

  start(): void {
    this.#side.subscribe((health) => this.#follow(health));
    this.#probe.soon();
  }

  health(): ConnectorHealth {
    return { ...this.#side.health(), backlog: this.#backlog(), warnings: this.#warnings() };
  }

  /** A transaction came; `ephemeral` when there was presence in it. */
  received({ ephemeral }: { readonly ephemeral: boolean }): void {
    this.#callback.reached();
    if (ephemeral) this.#watch.delivered();
    if (this.#side.health().state === 'down') this.#probe.soon();
  }

  /** Whether and how these people may be seen by everybody has changed: visibility, blocks, names, links. */
  recheck(people: Iterable<PersonId>): void {
    const changed = [...people];
    this.#push?.recheck(changed);
    this.#mirror?.recheck(changed);
  }

  /**
   * Whether somebody answers by this id, one of those kept for stand-ins; then the homeserver knows her afterwards. Throws
   * `upstream_unavailable` when it does not do its part; otherwise errors as in the store.
   */
  async provideStandIn(userId: string): Promise<boolean> {
    const { people, network, shareable } = this.#options;
    const person = await people.byAddress({ network: network.name, id: userId });
    if (!person || ownAddress(person, network.name) || idOn(person, network) !== userId) return false;
    if (!(await shareable(person, network.name))) return false;
    try {
      await this.#standIns.ensure(userId, person);
    } catch (cause) {
      if (!(cause instanceof HomeserverFault)) throw cause;
      const { retryAfterMs } = cause;
      throw new BridgeError('upstream_unavailable', '', {
        cause,
        ...(retryAfterMs !== null && { retryAfterMs }),
      });
    }
    return true;
  }

  /** Nobody is said to be gone: whoever is there will be said to be there by the next start, if that is soon. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#probe[Symbol.asyncDispose]();
    this.#watch[Symbol.dispose]();
    await this.leases[Symbol.asyncDispose]();
    await this.#push?.[Symbol.asyncDispose]();
    await this.#mirror?.[Symbol.asyncDispose]();
    this.#budget[Symbol.dispose]();
    this.#side[Symbol.dispose]();
  }

  #learn(capabilities: Capabilities): void {
    const before = this.dialect;
    this.#capabilities = capabilities;
    if (this.dialect !== before) this.#shown = false;
    // While it is up nothing else would bring the news of another dialect, or of a store that can be read again.
    if (this.#side.health().state !== 'up') return;
    if (!this.#shown) void this.#resume();
    if (this.#callback.warning !== null) void this.#callback.ask();
  }

  #follow({ state }: SideHealth): void {
    this.#options.metrics.up(state === 'up');
    if (state === 'up') {
      void this.#resume();
      if (this.#capabilities?.ping === true && this.#options.settings.receive) void this.#callback.ask();
      return;
    }
    this.#push?.pause();
    this.#mirror?.pause();
  }

  async #resume(): Promise<void> {
    const everybody = !this.#shown;
    this.#shown = true;
    try {
      this.#mirror?.resume(everybody);
      await this.#push?.resume(everybody);
    } catch (error) {
      this.#shown = false;
      this.#options.report('not everybody could be shown to the homeserver', error);
    }
  }

  #backlog(): number {
    return (this.#push?.backlog ?? 0) + (this.#mirror?.backlog ?? 0);
  }

  #warnings(): string[] {
    const { putsPerSecond, keepAliveMs } = this.#options.settings;
    const demand = (this.#push?.size ?? 0) / (keepAliveMs / 1000);
    const { problem } = this.#standIns;
    return [
      this.#watch.warning,
      this.#callback.warning,
      problem === null ? null : `stand-ins cannot be set up: ${problem}`,
      demand > putsPerSecond ? FLAPPING : null,
    ].filter((warning) => warning !== null);
  }

  #makeRoom(): Room | null {
    const { settings, serverName, registration, clock } = this.#options;
    if (settings.room === undefined) return null;
    const { senderLocalpart } = registration;
    return new Room({
      homeserver: this.#homeserver,
      room: settings.room,
      serverName,
      senderLocalpart,
      clock,
    });
  }

  #writerContext(): WriterContext {
    const { settings, clock, random, metrics, report } = this.#options;
    return {
      clock,
      random,
      budget: this.#budget,
      keepAliveMs: settings.keepAliveMs,
      metrics,
      onBacklog: () => metrics.backlog(this.#backlog()),
      onTrouble: () => this.#probe.soon(),
      report,
    };
  }

  #makePush(): PresencePush {
    return new PresencePush({
      ...this.#options,
      ...this.#writerContext(),
      dialect: () => this.dialect,
      standIns: this.#standIns,
      busy: new BusyNotes(this.#options.directory),
      onWritten: (changed) => {
        if (changed && this.#options.settings.receive) this.#watch.written();
      },
    });
  }

  #makeMirror(): Mirror {
    return new Mirror({
      ...this.#options,
      ...this.#writerContext(),
      dialect: () => this.dialect,
      homeserver: this.#homeserver,
      maxTokens: REMEMBERED,
    });
  }
}

const NO_MIRROR: MatrixConnector['mirror'] = {
  verified: () => undefined,
  echoes: () => Promise.resolve(false),
  echoesEnd: () => false,
};

const FLAPPING =
  'stand-ins will flap: more of them are online than puts_per_second allows to keep alive within keep_alive';

function windowOf(perSecond: number) {
  const limit = Math.max(1, Math.floor(perSecond));
  return { limit, windowMs: (limit / perSecond) * 1000 };
}
