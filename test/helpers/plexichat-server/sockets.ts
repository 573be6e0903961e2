import type { Clock } from '../../../src/presence/clock.ts';
import type { Verifications } from './authentication.ts';
import type { Connection } from './gateway/connection.ts';
import type { Gateway } from './gateway/gateway.ts';
import type { Network } from './network.ts';

interface SocketsContext {
  readonly clock: Clock;
  readonly network: Network;
  readonly gateway: Gateway;
  readonly connections: ReadonlySet<Connection>;
  readonly verifications: Verifications;
}

/** What happens to the server's connections, on command. */
export class Sockets {
  readonly #context: SocketsContext;

  constructor(context: SocketsContext) {
    this.#context = context;
  }

  /** Open sockets of the gateway, identified or not. */
  get open(): number {
    return this.#context.connections.size;
  }

  /** The network breaks: TCP ends without a close frame, and everybody connected goes offline. */
  cutAll(): void {
    for (const { line } of this.#context.connections) line.release();
    this.#context.network.cut();
  }

  /** The server closes every socket of the gateway. Only 1012 sets the users offline. */
  closeAll(code: number, reason = ''): void {
    for (const connection of this.#context.connections) connection.closeWith(code, reason);
  }

  /** Connects are refused and REST ends; sockets of the gateway stay open. */
  stopListening(): void {
    this.#context.network.stop();
  }

  /** On the same port. */
  async listenAgain(): Promise<void> {
    await this.#context.network.listen();
  }

  /**
   * Down for `ms` of the clock, then up on the same port; resolves when it listens again. 'graceful' closes 1012 and
   * sets users offline, 'crash' leaves them as they were. Limits survive (they are in the database), sessions do not.
   */
  async restart(ms = 0, how: 'graceful' | 'crash' = 'graceful'): Promise<void> {
    const { clock, network, gateway, connections, verifications } = this.#context;
    for (const connection of [...connections]) {
      if (how === 'graceful') connection.closeWith(1012, '');
      else connection.vanish();
    }
    network.stop();
    if (how === 'crash') network.cut();
    gateway.forgetSessions();
    verifications.restarted();
    if (ms > 0) await new Promise<void>((resolve) => clock.after(ms, resolve));
    await network.listen();
  }

  /** Half-open: TCP stays and is accepted, nothing is read, nothing is answered. */
  silence(): void {
    this.#context.network.fallSilent();
    for (const { line } of this.#context.connections) line.hold();
  }

  /** Ends the silence; what was held back goes out now. */
  speakAgain(): void {
    for (const { line } of this.#context.connections) line.release();
    this.#context.network.speak();
  }
}
