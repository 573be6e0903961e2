import type { PersonId } from '../../../presence/identity.ts';
import type { PlexichatContext } from '../context.ts';
import { HEARTBEAT_TIMEOUT } from './heartbeat.ts';

export type LeaseContext = Pick<PlexichatContext, 'presence' | 'clock' | 'network' | 'graceMs'>;

/** Typing within so long of other activity says nothing new, ms. */
const ACTIVITY_STEP = 10_000;

/** The presence session behind a gateway session (semantics §5). Errors of all methods as in the store. */
export class Lease {
  readonly #id: string;
  readonly #person: PersonId;
  readonly #context: LeaseContext;
  /** Milliseconds since 1970. */
  #endsAt = 0;
  #activeAt = 0;

  constructor(id: string, person: PersonId, context: LeaseContext) {
    this.#id = id;
    this.#person = person;
    this.#context = context;
  }

  /** Makes or renews it, for as long as a client may be silent; `active` when the person herself is at work. */
  async take(active: boolean): Promise<void> {
    const { presence, clock, network, graceMs } = this.#context;
    const now = clock.now();
    if (active) this.#activeAt = now;
    this.#endsAt = now + HEARTBEAT_TIMEOUT + graceMs;
    const common = { id: this.#id, origin: network.name, mode: 'online', endsAt: this.#endsAt } as const;
    await presence.signal(this.#person, { kind: 'session', ...common, active });
  }

  /** A heartbeat has come; one that the lease outlasts anyway is not written down. */
  async beat(): Promise<void> {
    if (this.#endsAt < this.#context.clock.now() + HEARTBEAT_TIMEOUT) await this.take(false);
  }

  /** She is typing. */
  async act(): Promise<void> {
    if (this.#activeAt + ACTIVITY_STEP <= this.#context.clock.now()) await this.take(true);
  }

  /** The connection is gone; the presence session follows after the grace. */
  async release(): Promise<void> {
    const { presence, clock, network, graceMs } = this.#context;
    const endsAt = clock.now() + graceMs;
    await presence.signal(this.#person, {
      kind: 'session-end',
      id: this.#id,
      origin: network.name,
      leased: this.#endsAt,
      endsAt,
    });
  }
}
