import type { Clock } from '../../../presence/clock.ts';
import type { NetworkName } from '../../../presence/identity.ts';
import type { SessionMode } from '../../../presence/record.ts';
import type { PresenceService } from '../../../presence/service.ts';
import type { Caller } from '../../../presence/tokens.ts';

export interface DeviceSessionsOptions {
  readonly presence: Pick<PresenceService, 'signal'>;
  readonly clock: Clock;
  readonly origin: NetworkName;
  /** How long a device counts as there after its last poll, ms. */
  readonly graceMs: number;
}

/** A request that is being held. */
interface Poll {
  readonly mode: SessionMode;
  /** When the session would end by it alone, ms since 1970. */
  readonly endsAt: number;
}

/** The sessions of devices that poll: there while a poll is held, and for the grace after it (semantics §5). */
export class DeviceSessions implements Disposable {
  readonly #options: DeviceSessionsOptions;
  readonly #polls = new Map<string, Set<Poll>>();
  #closing = false;

  constructor(options: DeviceSessionsOptions) {
    this.#options = options;
  }

  /**
   * Runs `poll`, which takes up to `timeoutMs`, as a poll of the caller's device. Trouble with the session is told to
   * `failed` and does not disturb the poll.
   */
  async during<T>(
    caller: Caller,
    { mode, timeoutMs }: { readonly mode: SessionMode; readonly timeoutMs: number },
    failed: (error: unknown) => void,
    poll: () => Promise<T>,
  ): Promise<T> {
    const { clock, graceMs } = this.#options;
    const mine = { mode, endsAt: clock.now() + timeoutMs + graceMs };
    const key = `${caller.person} ${caller.deviceId}`;
    const polls = this.#polls.get(key) ?? new Set();
    this.#polls.set(key, polls.add(mine));
    try {
      await this.#renew(caller, mine, polls).catch(failed);
      return await poll();
    } finally {
      polls.delete(mine);
      if (polls.size === 0) this.#polls.delete(key);
      // Not awaited: the answer need not wait until the end is durable.
      if (!this.#closing) this.#shorten(caller, polls).catch(failed);
    }
  }

  /** Leaves all leases as they are: who is back after a restart before hers ends was never away. */
  [Symbol.dispose](): void {
    this.#closing = true;
  }

  /** The device is what the best of its polls says, so that two clients sharing it do not wake each other for ever. */
  async #renew({ person, deviceId: id }: Caller, mine: Poll, polls: ReadonlySet<Poll>): Promise<void> {
    const { presence, origin } = this.#options;
    const mode = [...polls].some((poll) => poll.mode === 'online') ? 'online' : mine.mode;
    const active = mine.mode === 'online';
    const endsAt = Math.max(...[...polls].map((poll) => poll.endsAt));
    await presence.signal(person, { kind: 'session', id, origin, mode, active, endsAt });
  }

  /** Changes nothing when the poll took all its time, or another one outlasts it. */
  async #shorten({ person, deviceId: id }: Caller, polls: ReadonlySet<Poll>): Promise<void> {
    const { presence, origin, clock, graceMs } = this.#options;
    const endsAt = Math.max(clock.now() + graceMs, ...[...polls].map((poll) => poll.endsAt));
    await presence.signal(person, { kind: 'session-end', id, origin, endsAt });
  }
}
