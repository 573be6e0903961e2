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

/** One device, while a request of it is being held. */
interface Device {
  readonly polls: Set<Poll>;
  /** When the session ends that was last told of, ms since 1970. */
  leased: number;
}

/** The sessions of devices that poll: there while a poll is held, and for the grace after it (semantics §5). */
export class DeviceSessions implements Disposable {
  readonly #options: DeviceSessionsOptions;
  readonly #devices = new Map<string, Device>();
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
    const device = this.#devices.get(key) ?? { polls: new Set(), leased: 0 };
    this.#devices.set(key, device);
    device.polls.add(mine);
    try {
      await this.#renew(caller, mine, device).catch(failed);
      return await poll();
    } finally {
      device.polls.delete(mine);
      if (device.polls.size === 0) this.#devices.delete(key);
      // Not awaited: the answer need not wait until the end is durable.
      if (!this.#closing) this.#shorten(caller, device).catch(failed);
    }
  }

  /** Leaves all leases as they are: who is back after a restart before hers ends was never away. */
  [Symbol.dispose](): void {
    this.#closing = true;
  }

  /** The device is what the best of its polls says, so that two clients sharing it do not wake each other for ever. */
  async #renew({ person, deviceId: id }: Caller, mine: Poll, device: Device): Promise<void> {
    const { presence, origin } = this.#options;
    const polls = [...device.polls];
    const mode = polls.some((poll) => poll.mode === 'online') ? 'online' : mine.mode;
    const active = mine.mode === 'online';
    const endsAt = Math.max(...polls.map((poll) => poll.endsAt));
    device.leased = endsAt;
    await presence.signal(person, { kind: 'session', id, origin, mode, active, endsAt });
  }

  /** Changes nothing when the poll took all its time, or another one outlasts it. */
  async #shorten({ person, deviceId: id }: Caller, device: Device): Promise<void> {
    const { presence, origin, clock, graceMs } = this.#options;
    const endsAt = Math.max(clock.now() + graceMs, ...[...device.polls].map((poll) => poll.endsAt));
    const { leased } = device;
    if (endsAt >= leased) return;
    device.leased = endsAt;
    await presence.signal(person, { kind: 'session-end', id, origin, leased, endsAt });
  }
}
