import type { Clock } from '../../presence/clock.ts';
import type { Directory } from '../../presence/directory.ts';
import type { ErrorCode } from '../../presence/errors.ts';
import { BridgeError } from '../../presence/errors.ts';
import type { Address, Person } from '../../presence/identity.ts';
import type { Network } from '../../presence/network.ts';
import type { People } from '../../presence/people.ts';
import { Serial } from '../../presence/serial.ts';
import type { PresenceService } from '../../presence/service.ts';
import type { Secrets } from '../../presence/tokens.ts';
import type { PresenceUpdate } from '../../protocols/matrix/appservice.ts';
import { decodeTransaction } from '../../protocols/matrix/appservice.ts';
import type { MatrixDialect } from '../../protocols/matrix/dialect.ts';
import { SeenTransactions } from './seen-transactions.ts';

/** What became of one user's presence. */
export type Received = 'applied' | 'echo' | 'unknown' | 'ignored';

export interface ReceiverOptions {
  readonly network: Network;
  /** The domain of the homeserver's users. */
  readonly serverName: string;
  /** The bridge's own user there. */
  readonly senderId: string;
  /** As the homeserver speaks at present. */
  readonly dialect: () => MatrixDialect;
  /** False: everything is answered and nothing taken. */
  readonly receive: boolean;
  /** Whether users of other homeservers are taken, too. */
  readonly remoteUsers: boolean;
  readonly directory: Pick<Directory, 'meta' | 'commit'>;
  readonly people: Pick<People, 'find'>;
  readonly presence: Pick<PresenceService, 'report'>;
  /** The person of an account, made if need be; null when she may not be. */
  readonly newcomers: { find(address: Address): Promise<Person | null> };
  /** Whether the words are those that the bridge itself wrote with her token. */
  readonly mirror: {
    echoes(userId: string, presence: string, statusMsg: string | null): boolean | Promise<boolean>;
  };
  /** Until when a report made now is believed, ms since 1970. */
  readonly leases: { endsAt(): number };
  readonly secrets: Pick<Secrets, 'hash'>;
  readonly clock: Clock;
  readonly metrics: { received(outcome: Received): void };
  /** Told of every transaction that could be read; `ephemeral` when there was presence in it. Must not throw. */
  readonly onReceived: (transaction: { readonly ephemeral: boolean }) => void;
}

/** Reports of one transaction under way at a time. */
const CONCURRENCY = 32;
/** Transactions under way and waiting; a homeserver sends one at a time. */
const MAX_WAITING = 16;
/** Refusals that may be over when the homeserver asks again. */
const PASSING: readonly ErrorCode[] = [
  'overloaded',
  'store_unavailable',
  'rate_limited',
  'upstream_unavailable',
  'internal',
];

/** The homeserver's transactions, turned into reports of its users (Matrix §application services: pushing events). */
export class Receiver {
  readonly #options: ReceiverOptions;
  readonly #seen: SeenTransactions;
  readonly #turns = new Serial<'transactions'>();
  readonly #waiting = new Map<string, Promise<void>>();

  constructor(options: ReceiverOptions) {
    this.#options = options;
    this.#seen = new SeenTransactions(options.directory);
  }

  /**
   * Resolves once all of the transaction is durable; at once for one that was carried out before. In order, one at a
   * time. Throws `bad_json`, and `overloaded` or as the store: then the homeserver has to send it again.
   */
  async receive(txnId: string, body: unknown): Promise<void> {
    const { clock, receive, metrics, onReceived, secrets } = this.#options;
    const now = clock.now();
    const { updates, hasPresence, skipped } = decodeTransaction(body);
    onReceived({ ephemeral: hasPresence });
    for (let count = receive ? skipped : skipped + updates.length; count > 0; count--) {
      metrics.received('ignored');
    }
    // One that says nothing needs no memory: most have only events of rooms.
    if (!receive || updates.length === 0) return;
    // A homeserver that lost its database counts from 1 again: the number alone is no mark. What is not read here, such
    // as the age of an event, differs between repeats.
    const key = secrets.hash(JSON.stringify([txnId, updates]));
    await (this.#waiting.get(key) ?? this.#enqueue(key, updates, now));
  }

  async #enqueue(key: string, updates: readonly PresenceUpdate[], now: number): Promise<void> {
    if (this.#waiting.size >= MAX_WAITING) throw new BridgeError('overloaded');
    const run = this.#turns.run('transactions', () => this.#carryOut(key, updates, now));
    this.#waiting.set(key, run);
    try {
      await run;
    } finally {
      this.#waiting.delete(key);
    }
  }

  async #carryOut(key: string, updates: readonly PresenceUpdate[], now: number): Promise<void> {
    if (await this.#seen.has(key)) return;
    await forEach(updates, CONCURRENCY, async (update) => {
      this.#options.metrics.received(await this.#take(update, now));
    });
    await this.#seen.add(key);
  }

  async #take(update: PresenceUpdate, now: number): Promise<Received> {
    const { network, serverName, senderId, remoteUsers, mirror } = this.#options;
    const { sender: id, presence, statusMsg } = update;
    if (id === senderId || network.isStandIn(id)) return 'echo';
    if (!remoteUsers && id.slice(id.indexOf(':') + 1) !== serverName) return 'ignored';
    if (await mirror.echoes(id, presence, statusMsg)) return 'echo';
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
    const { network, dialect, presence, leases } = this.#options;
    const ago = update.activeAgoMs ?? (update.currentlyActive ? 0 : null);
    await presence.report(person.id, {
      network: network.name,
      dialect: dialect(),
      mode: update.mode,
      own: false,
      status: { text: update.statusMsg, emoji: null },
      activeAt: ago === null ? null : Math.max(0, now - ago),
      endsAt: leases.endsAt(),
    });
  }
}

/** Runs the task for all items, at most `limit` at a time. Throws the first error once nothing is under way any more. */
async function forEach<T>(
  items: readonly T[],
  limit: number,
  task: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const work = async () => {
    for (const item of queue) await task(item);
  };
  const done = await Promise.allSettled(Array.from({ length: Math.min(limit, items.length) }, work));
  for (const outcome of done) if (outcome.status === 'rejected') throw outcome.reason;
}
