import { BridgeError } from '../../presence/errors.ts';
import type { PersonId } from '../../presence/identity.ts';
import { ownAddress } from '../../presence/identity.ts';
import { idOn } from '../../presence/network.ts';
import type { MatrixDialect } from '../../protocols/matrix/dialect.ts';
import { MODERN, MODERN_WITH_BUSY } from '../../protocols/matrix/dialect.ts';
import type { Connector, ConnectorHealth } from '../connector.ts';
import type { Leases } from '../leases.ts';
import type { SideHealth } from '../side.ts';
import type { Capabilities, Homeserver } from './homeserver.ts';
import { HomeserverFault } from './homeserver-fault.ts';
import type { Mirror } from './mirror.ts';
import type { MatrixConnectorOptions } from './options.ts';
import type { MatrixParts } from './parts.ts';
import { backlogOf, makeParts, warningsOf } from './parts.ts';
import type { Room } from './room.ts';

/** The homeserver that the bridge serves as an application service. What comes from it comes by `received`. */
export class MatrixConnector implements Connector {
  /** How long the homeserver's word holds. */
  readonly leases: Leases;
  /** Told of verified tokens, asked for echoes. Idle where the settings do not want it. */
  readonly mirror: Pick<Mirror, 'verified' | 'echoes' | 'echoesEnd'>;
  /** Where the stand-ins are; null when they are in no room. */
  readonly room: Room | null;
  readonly #options: MatrixConnectorOptions;
  readonly #parts: MatrixParts;
  #capabilities: Capabilities | null = null;
  /** Whether everybody who is there has been shown to the homeserver in its present dialect. */
  #shown = false;

  constructor(options: MatrixConnectorOptions) {
    this.#options = options;
    this.#parts = makeParts(options, {
      dialect: () => this.dialect,
      answered: (capabilities) => this.#learn(capabilities),
    });
    const { leases, room, mirror } = this.#parts;
    this.leases = leases;
    this.room = room;
    this.mirror = mirror ?? NO_MIRROR;
  }

  /** As the homeserver speaks; may change whenever it restarts. */
  get dialect(): MatrixDialect {
    return this.#capabilities?.busy === true ? MODERN_WITH_BUSY : MODERN;
  }

  /** The client of the homeserver; what is asked for by it waits for no budget. */
  get homeserver(): Homeserver {
    return this.#parts.homeserver;
  }

  /** Calls `listener` whenever the homeserver comes up (`true`), or can be reached no more. */
  onSide(listener: (up: boolean) => void): void {
    this.#parts.side.subscribe(({ state }) => listener(state === 'up'));
  }

  /** Something was seen that makes a look at the homeserver worthwhile. */
  look(): void {
    this.#parts.probe.soon();
  }

  start(): void {
    this.#parts.side.subscribe((health) => this.#follow(health));
    this.#parts.probe.soon();
  }

  health(): ConnectorHealth {
    const { side } = this.#parts;
    return {
      ...side.health(),
      backlog: backlogOf(this.#parts),
      warnings: warningsOf(this.#parts, this.#options.settings),
    };
  }

  /** A transaction came; `ephemeral` when there was presence in it. */
  received({ ephemeral }: { readonly ephemeral: boolean }): void {
    this.#parts.callback.reached();
    if (ephemeral) this.#parts.watch.delivered();
    if (this.#parts.side.health().state === 'down') this.#parts.probe.soon();
  }

  /** Whether and how these people may be seen by everybody has changed: visibility, blocks, names, links. */
  recheck(people: Iterable<PersonId>): void {
    const changed = [...people];
    this.#parts.push?.recheck(changed);
    this.#parts.mirror?.recheck(changed);
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
      await this.#parts.standIns.ensure(userId, person);
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
    await this.#parts.probe[Symbol.asyncDispose]();
    this.#parts.watch[Symbol.dispose]();
    await this.leases[Symbol.asyncDispose]();
    await this.#parts.push?.[Symbol.asyncDispose]();
    await this.#parts.mirror?.[Symbol.asyncDispose]();
    this.#parts.budget[Symbol.dispose]();
    this.#parts.side[Symbol.dispose]();
  }

  #learn(capabilities: Capabilities): void {
    const before = this.dialect;
    this.#capabilities = capabilities;
    if (this.dialect !== before) this.#shown = false;
    // While it is up nothing else would bring the news of another dialect, or of a store that can be read again.
    if (this.#parts.side.health().state !== 'up') return;
    if (!this.#shown) void this.#resume();
    if (this.#parts.callback.warning !== null) void this.#parts.callback.ask();
  }

  #follow({ state }: SideHealth): void {
    this.#options.metrics.up(state === 'up');
    if (state === 'up') {
      void this.#resume();
      if (this.#capabilities?.ping === true && this.#options.settings.receive)
        void this.#parts.callback.ask();
      return;
    }
    this.#parts.push?.pause();
    this.#parts.mirror?.pause();
  }

  async #resume(): Promise<void> {
    const everybody = !this.#shown;
    this.#shown = true;
    try {
      this.#parts.mirror?.resume(everybody);
      await this.#parts.push?.resume(everybody);
    } catch (error) {
      this.#shown = false;
      this.#options.report('not everybody could be shown to the homeserver', error);
    }
  }
}

const NO_MIRROR: MatrixConnector['mirror'] = {
  verified: () => undefined,
  echoes: () => Promise.resolve(false),
  echoesEnd: () => false,
};
