import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { reply } from '../raw-server.ts';

/**
 * `refused`: nobody listens. `reset`: connections end as soon as something is sent. `slow`: what the server says is held
 * back until the fault is over. `half-open`: connections stand, and nothing comes through any more, in either direction.
 */
export type WireFault = 'refused' | 'reset' | 'slow' | 'half-open' | { readonly answer: string };

/** Which connections a fault hits, by what they are for. */
export type Hit = 'all' | 'websocket' | 'requests';

interface Link {
  readonly client: Socket;
  readonly server: Socket;
  /** Null before the first request tells. */
  kind: Exclude<Hit, 'all'> | null;
  /** Whether a request waits for its reply, or a frame for its answer. */
  busy: boolean;
  readonly held: Buffer[];
  lost: boolean;
  /** Whether it is a WebSocket by now. */
  open: boolean;
}

/** A request's answer that comes from somewhere before the server, after which the connection ends. */
export function answering(status: number, body: string, headers: readonly string[] = []): WireFault {
  return { answer: reply(status, body, [...headers, 'connection: close']) };
}

/** Stands before a server on loopback and carries every byte, until it is told to misbehave. */
export class FaultyWire implements AsyncDisposable {
  readonly #target: number;
  readonly #links = new Set<Link>();
  #server: Server | null = null;
  #port = 0;
  #fault: WireFault | null = null;
  #hit: Hit = 'all';
  #marker: readonly [Socket, Socket] | null = null;

  private constructor(target: number) {
    this.#target = target;
  }

  static async to(url: string): Promise<FaultyWire> {
    const wire = new FaultyWire(Number(new URL(url).port));
    await wire.#listen();
    return wire;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Begins a fault; the result ends it. An answer in the server's place reaches connections only before they are WebSockets. */
  async begin(fault: WireFault, hit: Hit = 'all'): Promise<() => Promise<void>> {
    this.#fault = fault;
    this.#hit = hit;
    for (const link of this.#links) if (link.kind === 'websocket' && this.#faultOf(link)) link.busy = false;
    if (fault === 'refused') await this.#stop();
    if (fault === 'reset') for (const link of this.#links) if (this.#faultOf(link)) end(link);
    return async () => {
      this.#fault = null;
      if (fault === 'refused') await this.#listen();
      for (const link of this.#links) {
        if (link.lost) end(link);
        else for (const bytes of link.held.splice(0)) link.client.write(bytes);
      }
    };
  }

  /** Sends every open WebSocket a text that the server never said. */
  say(text: string): void {
    const frame = Buffer.concat([Buffer.from([0x81, text.length]), Buffer.from(text)]);
    for (const { client, kind } of this.#links) if (kind === 'websocket') client.write(frame);
  }

  /** Ends every connection without a word. */
  cut(): void {
    for (const link of this.#links) end(link);
  }

  /** Resolves once everything sent has arrived, and no request waits for its reply any more. */
  async settled(): Promise<void> {
    await this.#mark();
    while ([...this.#links].some(({ busy }) => busy)) await setImmediate();
    await this.#mark();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#marker ?? []) socket.destroy();
    this.cut();
    await this.#stop();
  }

  /** A busy machine delivers late, even to itself, but in order: what was sent before a mark has arrived with it. */
  async #mark(): Promise<void> {
    const [near, far] = (this.#marker ??= await markers());
    const arrived = once(far, 'data');
    near.write('.');
    await arrived;
  }

  async #listen(): Promise<void> {
    this.#server = createServer((client) => this.#carry(client));
    this.#server.listen(this.#port, '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  async #stop(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (!server) return;
    const closed = once(server, 'close');
    server.close();
    this.cut();
    await closed;
  }

  #carry(client: Socket): void {
    const server = connect(this.#target, '127.0.0.1');
    const link: Link = { client, server, kind: null, busy: false, held: [], lost: false, open: false };
    this.#links.add(link);
    for (const socket of [client, server]) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        end(link);
        this.#links.delete(link);
      });
    }
    client.on('data', (bytes) => this.#forth(link, bytes));
    server.on('data', (bytes) => this.#back(link, bytes));
  }

  #forth(link: Link, bytes: Buffer): void {
    link.kind ??= /^GET \S*\/gateway\b/.test(bytes.toString('latin1')) ? 'websocket' : 'requests';
    const fault = this.#faultOf(link);
    link.busy = link.kind === 'requests' || fault === null;
    if (fault === 'reset') {
      link.client.resetAndDestroy();
    } else if (typeof fault === 'object' && fault && !link.open) {
      link.busy = false;
      link.client.end(fault.answer);
    } else if (fault === 'half-open') {
      link.lost = true;
    } else {
      link.server.write(bytes);
    }
  }

  #back(link: Link, bytes: Buffer): void {
    const fault = this.#faultOf(link);
    if (fault === 'half-open') link.lost = true;
    else if (fault === 'slow') link.held.push(bytes);
    else {
      link.busy = false;
      link.open = link.kind === 'websocket';
      link.client.write(bytes);
    }
  }

  #faultOf({ kind }: Link): WireFault | null {
    return this.#hit === 'all' || this.#hit === kind ? this.#fault : null;
  }
}

function end({ client, server }: Link): void {
  client.destroy();
  server.destroy();
}

/** Two ends of a connection. */
async function markers(): Promise<readonly [Socket, Socket]> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const near = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [far] = (await once(server, 'connection')) as [Socket];
  server.close();
  return [near, far];
}
