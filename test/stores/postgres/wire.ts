import { once } from 'node:events';
import type { Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/** The end of what a server answers to a statement: ReadyForQuery, with the state of the transaction. */
const READY = Buffer.from([0x5a, 0, 0, 0, 5]);

export interface Cut {
  /** Which statement from now on, from 1. */
  readonly nth: number;
  /** Whether the server gets it; then it carries it out, and the answer is lost. */
  readonly when: 'before' | 'after';
  /** Whether new connections get through at once. */
  readonly mends?: true;
}

/** A wire between nodes and a server that can break at any statement, and then stays broken: as if the node had died. */
export class Wire {
  readonly #server: Server;
  #port: number;
  readonly #sockets = new Set<Socket>();
  /** Statements since the wire was last armed. */
  statements = 0;
  #cut: Cut | null = null;
  #broken = false;

  private constructor(port: number) {
    this.#port = port;
    this.#server = createServer((socket) => this.#join(socket));
  }

  /** To the server at this port of loopback; gone after the test. */
  static async to(port: number): Promise<Wire> {
    const wire = new Wire(port);
    wire.#server.listen(0, '127.0.0.1');
    await once(wire.#server, 'listening');
    onTestFinished(() => {
      wire.break();
      wire.#server.close();
    });
    return wire;
  }

  /** The URL of the same database by way of this wire. */
  through(url: string): string {
    const { port } = this.#server.address() as AddressInfo;
    return url.replace(/:\d+\//, `:${port}/`);
  }

  arm(cut: Cut | null): void {
    this.statements = 0;
    this.#cut = cut;
  }

  get isBroken(): boolean {
    return this.#broken;
  }

  /** Cuts every connection, and lets no new one through until `mend`. */
  break(): void {
    this.#broken = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Leads to another server from now on; connections to the old one are cut. */
  turnTo(port: number): void {
    this.#port = port;
    this.break();
    this.mend();
  }

  mend(): void {
    this.#broken = false;
  }

  #meet(): void {
    this.break();
    if (this.#cut?.mends) this.mend();
  }

  #join(client: Socket): void {
    if (this.#broken) return void client.destroy();
    const server = connect(this.#port, '127.0.0.1');
    const statements = new Statements();
    let cutAtAnswer = false;
    client.on('data', (chunk: Buffer) => {
      for (const { bytes, isStatement } of statements.take(chunk)) {
        const meets = isStatement && ++this.statements === this.#cut?.nth;
        if (meets && this.#cut?.when === 'before') {
          this.#meet();
          return;
        }
        cutAtAnswer ||= meets;
        server.write(bytes);
      }
    });
    server.on('data', (chunk: Buffer) => {
      if (!cutAtAnswer) return void client.write(chunk);
      if (chunk.subarray(-6, -1).equals(READY)) this.#meet();
    });
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(one);
      one.on('error', () => undefined);
      one.on('close', () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
  }
}

/** Splits what a client sends into statements, with all messages that belong to one, and the rest. */
class Statements {
  #rest = Buffer.alloc(0);
  #group: Buffer[] = [];
  #started = false;

  take(chunk: Buffer): { bytes: Buffer; isStatement: boolean }[] {
    const parts: { bytes: Buffer; isStatement: boolean }[] = [];
    this.#rest = Buffer.concat([this.#rest, chunk]);
    for (let message = this.#next(); message; message = this.#next()) {
      const { type, bytes } = message;
      this.#group.push(bytes);
      // Parse, Bind, Describe, Execute: the server waits for the Sync that ends them.
      if (['P', 'B', 'D', 'E'].includes(type)) continue;
      parts.push({ bytes: Buffer.concat(this.#group), isStatement: type === 'Q' || type === 'S' });
      this.#group = [];
    }
    return parts;
  }

  /** The first message of a connection has no type. */
  #next(): { type: string; bytes: Buffer } | null {
    const head = this.#started ? 1 : 0;
    if (this.#rest.length < head + 4) return null;
    const length = head + this.#rest.readUInt32BE(head);
    if (this.#rest.length < length) return null;
    const bytes = this.#rest.subarray(0, length);
    this.#rest = this.#rest.subarray(length);
    const type = this.#started ? String.fromCharCode(bytes[0] ?? 0) : '';
    this.#started = true;
    return { type, bytes };
  }
}
