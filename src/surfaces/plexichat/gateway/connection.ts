import type { CloseName } from '../../../protocols/plexichat/close-codes.ts';
import { CLOSES, GatewayFault } from '../../../protocols/plexichat/close-codes.ts';
import { decodeFrame, HELLO } from '../../../protocols/plexichat/frames.ts';
import { BridgeError } from '../../../presence/errors.ts';
import { logFailure } from '../../http/bridge-error.ts';
import { countSeen } from './counters.ts';
import { Heartbeat } from './heartbeat.ts';
import { OPEN_OPS, SESSION_OPS } from './ops/index.ts';
import type { Socket } from './outbox.ts';
import { Outbox } from './outbox.ts';
import type { GatewayContext, Origin, Peer } from './peer.ts';
import { admit } from './peer.ts';
import type { GatewaySession } from './session.ts';

/** One socket, from HELLO to its close. What the client sends is dealt with in order, one frame at a time. */
export class Connection implements Peer {
  readonly context: GatewayContext;
  readonly origin: Origin;
  readonly #socket: Socket;
  readonly #outbox: Outbox;
  readonly #heartbeat: Heartbeat;
  #held: { readonly session: GatewaySession; readonly token: string } | null = null;
  #ended = false;
  #waiting = 0;
  #last: Promise<void> = Promise.resolve();

  constructor(socket: Socket, origin: Origin, context: GatewayContext) {
    this.context = context;
    this.origin = origin;
    this.#socket = socket;
    this.#outbox = new Outbox(socket, context.gateway.outboxLimit);
    this.#heartbeat = new Heartbeat(context.clock, () => this.end('session_timed_out'));
    this.send(HELLO);
  }

  get session(): GatewaySession | null {
    return this.#held?.session ?? null;
  }

  /** Takes what the client has sent. */
  receive(message: Buffer, isBinary: boolean): void {
    this.#heartbeat.frame();
    this.#enqueue(() => this.#handle(message, isBinary));
  }

  /** Makes sure that the token still speaks for the same person, and ends the connection if it does not. */
  reverify(): void {
    this.#enqueue(async () => {
      if (!this.#held) return;
      const { session, token } = this.#held;
      const person = await admit(this, token);
      if (person === session.person) return;
      this.end(person === null ? 'authentication_failed' : 'session_timed_out');
      this.context.sessions.end(session);
    });
  }

  /** Closes the socket from our side. */
  end(close: CloseName): void {
    if (this.#ended) return;
    const { code, reason } = CLOSES[close];
    this.#socket.close(code, reason);
    this.gone();
  }

  /** The socket is closed. */
  gone(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#heartbeat[Symbol.dispose]();
    if (this.#held) this.context.sessions.leave(this.#held.session, this);
  }

  /** Resolves once everything that was received has been dealt with. */
  async settled(): Promise<void> {
    await this.#last;
  }

  send(frame: string): void {
    if (this.#ended || this.#outbox.send(frame)) return;
    const { counters } = this.context;
    // Nobody is answerable for a socket without a session, so it may be that of somebody who hides.
    if (this.session) void countSeen(counters.slowClosed, this.session.person, this.context);
    this.end('unknown_error');
  }

  displaced(): void {
    this.end('session_timed_out');
  }

  hold(session: GatewaySession, token: string): void {
    this.#held = { session, token };
    // The client may have gone while its session was made.
    if (this.#ended) this.context.sessions.leave(session, this);
  }

  compress(): void {
    this.#outbox.compress();
  }

  beat(): void {
    this.#heartbeat.beat();
  }

  async #handle(message: Buffer, isBinary: boolean): Promise<void> {
    const frame = decodeFrame(message, isBinary);
    if (!frame) return;
    const open = OPEN_OPS.get(frame.op);
    if (open) return open(this, frame.d);
    const handler = SESSION_OPS.get(frame.op);
    if (!handler) throw new GatewayFault('unknown_opcode');
    if (!this.session) throw new GatewayFault('not_authenticated');
    await handler(this.session, frame.d, this.context);
  }

  /** Reading stops while a frame has to wait for the one before, so that what waits is bounded. */
  #enqueue(task: () => Promise<void>): void {
    if (++this.#waiting > 1) this.#socket.pause();
    this.#last = this.#last.then(async () => {
      try {
        if (!this.#ended) await task();
      } catch (error) {
        this.#fail(error);
      }
      if (--this.#waiting === 0) this.#socket.resume();
    });
  }

  #fail(error: unknown): void {
    if (error instanceof BridgeError) logFailure(this.context, error, 'gateway connection failed');
    else if (!(error instanceof GatewayFault))
      this.context.log.error({ err: error }, 'gateway connection failed');
    this.end(error instanceof GatewayFault ? error.close : 'unknown_error');
  }
}
