import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { constants, inflateSync } from 'node:zlib';
import { WebSocket } from 'ws';
import { settled } from '../helpers/settled.ts';

/** A client of the gateway on a real socket, which keeps every byte that it is sent. */
export class GatewayClient {
  /** Of the session that it has or had. */
  sessionId = '';
  seq = 0;
  /** Whether the last RESUME was refused. */
  refused = false;
  readonly #socket: WebSocket;
  /** The same line at its other end. */
  readonly #peer: Socket;
  readonly #note: (line: string) => void;
  #deflated = Buffer.alloc(0);
  #inflated = 0;

  private constructor(socket: WebSocket, peer: Socket, note: (line: string) => void) {
    this.#socket = socket;
    this.#peer = peer;
    this.#note = note;
    socket.on('message', (data: Buffer, isBinary) => this.#take(data, isBinary));
    socket.on('close', (code) => note(`closed ${code}`));
    socket.on('error', () => undefined);
  }

  /** Resolves once HELLO is there. `note` is told of every frame and of the close. */
  static async connect(server: Server, note: (line: string) => void): Promise<GatewayClient> {
    const accepted = once(server, 'connection');
    const { port } = server.address() as AddressInfo;
    // By a name of its own, so that no byte depends on the port.
    const socket = new WebSocket(`ws://127.0.0.1:${port}/gateway`, { headers: { host: 'bridge.example' } });
    const [peer] = (await accepted) as [Socket];
    const client = new GatewayClient(socket, peer, note);
    await once(socket, 'message');
    return client;
  }

  get open(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  send(op: number, d: unknown = null): void {
    if (this.open) this.#socket.send(JSON.stringify({ op, d }));
  }

  /** Resolves once the other end has received all that was sent, and the other way round. */
  async flush(): Promise<void> {
    const socket = this.#socket;
    if (socket.readyState === WebSocket.CLOSED) return;
    await new Promise<void>((resolve) => {
      const done = () => {
        socket.off('pong', done).off('close', done);
        resolve();
      };
      socket.on('pong', done).on('close', done);
      if (this.open) socket.ping();
    });
  }

  /** Cuts the line; resolves once the other end has noticed. */
  async cut(): Promise<void> {
    const noticed = this.#peer.closed ? null : once(this.#peer, 'close');
    this.#socket.terminate();
    await noticed;
    await settled();
  }

  #take(data: Buffer, isBinary: boolean): void {
    const text = isBinary ? this.#inflate(data) : String(data);
    const { op, t, s, d } = JSON.parse(text);
    if (op === 0 && t !== 'RESUMED') this.seq = s;
    if (op === 9) this.refused = true;
    if (t === 'READY') this.sessionId = d.session_id;
    // Random, but drawn from a counter here, which also others' sessions move.
    const random = t === 'READY' && !isBinary ? d.session_id : undefined;
    this.#note(isBinary ? data.toString('hex') : text.replaceAll(random, '<session>'));
  }

  #inflate(data: Buffer): string {
    this.#deflated = Buffer.concat([this.#deflated, data]);
    const plain = inflateSync(this.#deflated, { finishFlush: constants.Z_SYNC_FLUSH });
    const text = String(plain.subarray(this.#inflated));
    this.#inflated = plain.length;
    return text;
  }
}
