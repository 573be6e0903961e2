import type { ErrorCode } from '../../presence/errors.ts';
import { BridgeError } from '../../presence/errors.ts';
import type { Address, Person } from '../../presence/identity.ts';
import type { Network } from '../../presence/network.ts';
import type { People } from '../../presence/people.ts';
import { Serial } from '../../presence/serial.ts';
import type { PresenceService } from '../../presence/service.ts';
import type { PresenceUpdate } from '../../protocols/matrix/appservice.ts';
import type { MatrixDialect } from '../../protocols/matrix/dialect.ts';

/** What became of one user's presence. */
export type Received = 'applied' | 'echo' | 'unknown' | 'ignored';

export interface ReportingOptions {
  readonly network: Network;
  /** The domain of the homeserver's users. */
  readonly serverName: string;
  /** The bridge's own user there. */
  readonly senderId: string;
  /** As the homeserver speaks at present. */
  readonly dialect: () => MatrixDialect;
  /** Whether users of other homeservers are taken, too. */
  readonly remoteUsers: boolean;
  readonly people: Pick<People, 'find'>;
  readonly presence: Pick<PresenceService, 'report'>;
  /** The person of an account, made if need be; null when she may not be. */
  readonly newcomers: { find(address: Address): Promise<Person | null> };
  /** Whether the words are those that the bridge itself wrote with her token. */
  readonly mirror: {
    echoes(userId: string, presence: string, statusMsg: string | null): boolean | Promise<boolean>;
    /** Whether her end may be what the bridge itself said; asked once of each. */
    echoesEnd(userId: string): boolean;
  };
  /** Until when a report made now is believed, ms since 1970. */
  readonly leases: { endsAt(): number };
  readonly metrics: { received(outcome: Received): void };
}

/** Refusals that may be over when the homeserver says it again. */
const PASSING: readonly ErrorCode[] = [
  'overloaded',
  'store_unavailable',
  'rate_limited',
  'upstream_unavailable',
  'internal',
];

/** What the homeserver says of its users, turned into reports; of each user one thing after the other. */
export class Reporting {
  readonly #options: ReportingOptions;
  readonly #turns = new Serial<string>();

  constructor(options: ReportingOptions) {
    this.#options = options;
  }

  /** Why nothing that is said of this user is taken; null when it is. */
  reasonAgainst(userId: string): 'echo' | 'ignored' | null {
    const { network, serverName, senderId, remoteUsers } = this.#options;
    if (userId === senderId || network.isStandIn(userId)) return 'echo';
    const isRemote = userId.slice(userId.indexOf(':') + 1) !== serverName;
    return isRemote && !remoteUsers ? 'ignored' : null;
  }

  /**
   * Resolves once it is durable. Said at `now`, ms since 1970; what is outdated when its turn comes is dropped. Throws what may be
   * over later, as the store does.
   */
  async take(update: PresenceUpdate, now: number, isOutdated = () => false): Promise<void> {
    await this.#turns.run(update.sender, async () => {
      if (!isOutdated()) this.#options.metrics.received(await this.#outcome(update, now));
    });
  }

  async #outcome(update: PresenceUpdate, now: number): Promise<Received> {
    const { sender: id, presence, statusMsg } = update;
    const against = this.reasonAgainst(id);
    if (against !== null) return against;
    if (await this.#options.mirror.echoes(id, presence, statusMsg)) return 'echo';
    try {
      const person = await this.#personOf(update);
      if (!person) return 'unknown';
      await this.#report(person, update, now);
      return 'applied';
    } catch (error) {
      // What would be refused for ever must not hold up all that follows.
      if (error instanceof BridgeError && !PASSING.includes(error.code)) return 'unknown';
      throw error;
    }
  }

  /** Nobody is made who has nothing to say: a homeserver tells of everybody it has when it first meets the bridge. */
  async #personOf({ sender: id, mode, statusMsg }: PresenceUpdate): Promise<Person | null> {
    const { network, people, newcomers } = this.#options;
    const address = { network: network.name, id };
    const known = await people.find(address);
    return known ?? (mode === 'offline' && statusMsg === null ? null : newcomers.find(address));
  }

  async #report(person: Person, update: PresenceUpdate, now: number): Promise<void> {
    const { network, dialect, presence, leases, mirror } = this.#options;
    const ago = update.activeAgoMs ?? (update.currentlyActive ? 0 : null);
    await presence.report(person.id, {
      network: network.name,
      dialect: dialect(),
      mode: update.mode,
      own: false,
      status: { text: update.statusMsg, emoji: null },
      activeAt: ago === null ? null : Math.max(0, now - ago),
      endsAt: leases.endsAt(),
      ...(update.mode === 'offline' && { echo: mirror.echoesEnd(update.sender) }),
    });
  }
}
