import type { FastifyBaseLogger } from 'fastify';
import { Deadlines } from '../../../presence/deadlines.ts';
import type { PersonId } from '../../../presence/identity.ts';
import { GatewayFault } from '../../../protocols/plexichat/close-codes.ts';
import type { PlexichatContext } from '../context.ts';
import type { LeaseContext } from './lease.ts';
import { Lease } from './lease.ts';
import { Replay } from './replay.ts';
import type { Holder } from './session.ts';
import { GatewaySession } from './session.ts';
import type { Stranger } from './session-ids.ts';
import { SessionIds } from './session-ids.ts';

export type SessionsOptions = LeaseContext &
  Pick<PlexichatContext, 'secrets' | 'gateway' | 'node' | 'sessionKey'> & { readonly log: FastifyBaseLogger };

/** The gateway sessions of this node, each until its connection has been gone for the resume window. */
export class Sessions implements Disposable {
  readonly #options: SessionsOptions;
  readonly #ids: SessionIds;
  readonly #byId = new Map<string, GatewaySession>();
  readonly #byPerson = new Map<PersonId, Set<GatewaySession>>();
  readonly #expiries: Deadlines<GatewaySession>;

  constructor(options: SessionsOptions) {
    this.#options = options;
    this.#ids = new SessionIds({ ...options, key: options.sessionKey });
    this.#expiries = new Deadlines(options.clock, (session) => this.end(session));
  }

  /**
   * A new session; one that nobody holds makes room when she has as many as she may. Throws a `rate_limited` fault
   * when all are held.
   */
  open(person: PersonId, wants: Stranger, holder: Holder): GatewaySession {
    return this.#add(this.#ids.issue(person, wants), person, 0, holder);
  }

  /**
   * Her session of another node, or of this one before a restart, which goes on here after number `seq`, and what its client
   * wants; null when there is none. Faults as `open`.
   */
  adopt(
    id: string,
    person: PersonId,
    seq: number,
    holder: Holder,
  ): (Stranger & { session: GatewaySession }) | null {
    const wants = this.#byId.has(id) ? null : this.#ids.read(id, person);
    return wants && { ...wants, session: this.#add(id, person, seq, holder) };
  }

  #add(id: string, person: PersonId, seq: number, holder: Holder): GatewaySession {
    const { gateway } = this.#options;
    const others = this.#byPerson.get(person) ?? new Set();
    if (others.size >= gateway.connectionsPerPerson) {
      const orphan = [...others].find(({ held }) => !held);
      if (!orphan) throw new GatewayFault('rate_limited');
      this.end(orphan);
    }
    const lease = new Lease(id, person, this.#options);
    const replay = new Replay(gateway.replayLimit, seq);
    const session = new GatewaySession(id, person, lease, replay, holder);
    this.#byId.set(id, session);
    this.#byPerson.set(person, others.add(session));
    return session;
  }

  /**
   * Her session, now held by `holder`, which was sent all after `seq`; `anew`: what its client wants to be told from the
   * beginning, since it has been at another node meanwhile. Null when that cannot be done.
   */
  resume(
    id: string,
    person: PersonId,
    seq: number,
    holder: Holder,
  ): { readonly session: GatewaySession; readonly anew: Stranger | null } | null {
    const session = this.#byId.get(id);
    if (session?.person !== person) return null;
    // Before anything is sent, which may end the holder.
    this.#expiries.set(session, null);
    const anew = session.isBehind(seq) ? { presences: session.presences } : null;
    if (session.moveTo(holder, seq)) return { session, anew };
    if (!session.held) this.end(session);
    return null;
  }

  /** The holder is gone: the session waits for another, and her lease runs out after the grace. */
  leave(session: GatewaySession, holder: Holder): void {
    if (!session.leave(holder)) return;
    const { clock, gateway, log } = this.#options;
    this.#expiries.set(session, clock.now() + gateway.resumeWindowMs);
    session.lease.release().catch((error: unknown) => {
      log.warn({ err: error }, 'a gateway session could not be ended, its lease will');
    });
  }

  /** Forgets a session: it cannot be resumed any more. */
  end(session: GatewaySession): void {
    session[Symbol.dispose]();
    this.#expiries.set(session, null);
    this.#byId.delete(session.id);
    const left = this.#byPerson.get(session.person);
    left?.delete(session);
    if (left?.size === 0) this.#byPerson.delete(session.person);
  }

  /** Ends all. Leases are left to run, so that nobody goes offline over a restart that is shorter. */
  [Symbol.dispose](): void {
    for (const session of [...this.#byId.values()]) this.end(session);
    this.#expiries[Symbol.dispose]();
  }
}
