import type { PersonId } from '../../../presence/identity.ts';
import type { Dispatch } from '../../../protocols/plexichat/frames.ts';
import { encodeDispatch, RESUMED } from '../../../protocols/plexichat/frames.ts';
import type { Lease } from './lease.ts';
import type { Replay } from './replay.ts';

/** The connection that holds a session. */
export interface Holder {
  send(frame: string): void;
  /** Another connection has taken the session over. */
  displaced(): void;
}

/**
 * What IDENTIFY opens and RESUME takes up again: the numbered events for one client. It goes on while no connection
 * holds it, so that a client that comes back misses nothing (Plexichat gateway: sessions).
 */
export class GatewaySession implements Disposable {
  readonly id: string;
  readonly person: PersonId;
  readonly lease: Lease;
  readonly #replay: Replay;
  #holder: Holder | null;
  /** The number of the last event that a client was sent here. */
  #sent: number;
  #watch: Disposable | null = null;
  #disposed = false;

  constructor(id: string, person: PersonId, lease: Lease, replay: Replay, holder: Holder) {
    this.id = id;
    this.person = person;
    this.lease = lease;
    this.#replay = replay;
    this.#holder = holder;
    this.#sent = replay.last;
  }

  /** Whether its client is told of others. */
  get presences(): boolean {
    return this.#watch !== null;
  }

  /** Whether a connection holds it. */
  get held(): boolean {
    return this.#holder !== null;
  }

  dispatch(event: Dispatch): void {
    const s = this.#replay.push(event);
    if (!this.#holder) return;
    this.#sent = s;
    this.#holder.send(encodeDispatch(event, s));
  }

  /** Whether a client that knows of number `seq` has that from another node, which counts for itself. */
  isBehind(seq: number): boolean {
    return seq > this.#sent;
  }

  /** Makes it the owner of what feeds it. */
  feedFrom(watch: Disposable): void {
    if (this.#disposed) watch[Symbol.dispose]();
    else this.#watch = watch;
  }

  /**
   * Gives it to another connection, with what that one has missed. False when some of that is forgotten. Whoever comes from
   * another node, see `isBehind`, may have missed anything, and is still to be told how everybody is.
   */
  moveTo(holder: Holder, seq: number): boolean {
    if (this.isBehind(seq)) {
      this.#replay.restart(seq);
      // Else it would be told again what this one tells until then.
      this.#watch?.[Symbol.dispose]();
      this.#watch = null;
    }
    const missed = this.#replay.after(seq);
    if (!missed) return false;
    const before = this.#holder;
    this.#holder = holder;
    before?.displaced();
    this.sayResumed();
    for (const { s, event } of missed) holder.send(encodeDispatch(event, s));
    this.#sent = this.#replay.last;
    return true;
  }

  /** Tells the client that it has its session again, and up to which number. */
  sayResumed(): void {
    this.#holder?.send(encodeDispatch(RESUMED, this.#replay.last));
  }

  /** Takes it from a connection that is gone. False when that one did not hold it any more. */
  leave(holder: Holder): boolean {
    if (this.#holder !== holder) return false;
    this.#holder = null;
    return true;
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.#holder = null;
    this.#watch?.[Symbol.dispose]();
  }
}
