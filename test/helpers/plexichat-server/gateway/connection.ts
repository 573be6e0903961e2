import type { WebSocket } from 'ws';
import type { CloseCode } from './close-codes.ts';
import { REASONS } from './close-codes.ts';
import type { GatewayContext } from './context.ts';
import type { ClientFrame } from './frames.ts';
import { decodeFrame } from './frames.ts';
import { Heartbeat, INTERVAL } from './heartbeat.ts';
import { identify } from './identify.ts';
import { Line } from './line.ts';
import { requestMembers } from './request-members.ts';
import { resume } from './resume.ts';
import type { Receiver, Session } from './sessions.ts';

/** Opcodes that want an IDENTIFY first and are then passed over: voice, typing, artifacts. */
const PASSED_OVER = new Set([4, 20, 21, 22, 23, 24, 25, 26, 40, 41]);
const ARTIFACTS = new Set([60, 61, 62]);

/** One socket of the gateway. */
export class Connection implements Receiver {
  readonly context: GatewayContext;
  readonly address: string;
  readonly line: Line;
  session: Session | null = null;
  /** Set once the server has nothing more to say: it closed, crashed, or gave the session to another socket. */
  #over: 'closed' | 'crashed' | 'taken over' | null = null;
  readonly #heartbeat: Heartbeat;

  constructor(context: GatewayContext, ws: WebSocket, address: string) {
    this.context = context;
    this.address = address;
    this.line = new Line(ws);
    this.#heartbeat = new Heartbeat(context.settings.clock, () => this.close(4009));
    context.connections.add(this);
    ws.on('message', (data, isBinary) => this.#receive(data as Buffer, isBinary));
    ws.on('error', () => undefined);
    ws.on('close', () => this.#gone());
    this.send(JSON.stringify({ op: 10, d: { heartbeat_interval: INTERVAL } }));
  }

  send(frame: string): void {
    this.line.send(frame);
  }

  /** A close of the server's own; her presence stays as it is, except when the whole server shuts down. */
  close(code: CloseCode): void {
    this.closeWith(code, REASONS[code]);
  }

  closeWith(code: number, reason: string): void {
    if (this.#over) return;
    const { session } = this;
    this.#end('closed');
    this.line.close(code, reason);
    const keeps = code !== 1012 && this.context.settings.defects.serverCloseKeepsStatus;
    if (session && !keeps) this.context.presence.disconnected(session.userId);
  }

  /** What an exception in the handler looks like from outside: 1006, and offline. */
  crash(): void {
    const { session } = this;
    this.#end('crashed');
    this.line.terminate();
    if (session) this.context.presence.disconnected(session.userId);
  }

  /** RESUME on another socket has taken the session; this one dies at its next message. */
  takenOver(): void {
    this.#end('taken over');
  }

  /** The process ended under it: no close frame, no change of presence. */
  vanish(): void {
    this.#end('closed');
    this.line.cut();
  }

  #receive(bytes: Buffer, isBinary: boolean): void {
    if (this.#over === 'taken over') this.line.terminate();
    if (this.#over) return;
    this.#heartbeat.frame();
    const frame = decodeFrame(bytes, isBinary);
    if (frame === 'nothing') return;
    if (frame === 'crash') this.crash();
    else if (frame === 'undecodable' || frame.op === null) this.close(4002);
    else this.#handle(frame);
    this.context.activity();
  }

  #handle(frame: ClientFrame): void {
    const { op, d } = frame;
    if (op === 1) this.#beat();
    else if (op === 2) identify(this, d);
    else if (op === 6) resume(this, d);
    else if (!this.#isKnown(op)) this.close(4001);
    else if (!this.session) this.close(4003);
    else if (op === 3) this.context.presence.update(this.session.userId, d);
    else if (op === 8) requestMembers(this, this.session, frame);
  }

  #isKnown(op: unknown): boolean {
    if (typeof op !== 'number') return false;
    const hasArtifacts = this.context.settings.dialect.build > 49;
    return op === 3 || op === 8 || PASSED_OVER.has(op) || (hasArtifacts && ARTIFACTS.has(op));
  }

  #beat(): void {
    this.#heartbeat.beat();
    if (this.context.faults.acking) this.send('{"op":11}');
  }

  /** The socket is closed. Where the server ended it first, its session is gone already. */
  #gone(): void {
    const { session } = this;
    this.#end('closed');
    this.context.connections.delete(this);
    if (session) this.context.presence.disconnected(session.userId);
    this.context.activity();
  }

  #end(how: 'closed' | 'crashed' | 'taken over'): void {
    this.#over ??= how;
    this.#heartbeat[Symbol.dispose]();
    if (this.session?.receiver === this) this.session.receiver = null;
    this.session = null;
  }
}
