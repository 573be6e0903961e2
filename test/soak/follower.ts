import { createInflate } from 'node:zlib';
import { Agent, fetch } from 'undici';
import { WebSocket } from 'ws';
import type { RunningBridge, TwoAccounts } from '../helpers/process.ts';

/** Everybody whom a client follows by id, as `mode text`. Who has not been told of is offline without a text. */
export type View = Map<string, string>;

export interface Follower {
  readonly view: View;
  /** Loses its connection, and with `forget` all that it knew of its session. */
  drop(forget: boolean): void;
  /** Leaves for good. */
  stop(): Promise<void>;
}

export interface FollowerOptions {
  readonly bridge: RunningBridge;
  readonly tokens: TwoAccounts;
  /** Ids of those whom it follows on its network. */
  readonly ids: readonly string[];
}

const viewOf = (ids: readonly string[]): View => new Map(ids.map((id) => [id, 'offline ']));
export const seenPlexichat = (body: any): string => `${body.status} ${body.custom_status ?? ''}`;
export const seenMatrix = (body: any): string => `${body.presence} ${body.status_msg ?? ''}`;

/** A client of the gateway: it resumes where it can, and asks for compression now and then. */
export class GatewayFollower implements Follower {
  readonly view: View;
  /** How its sessions began. */
  readonly begun = { READY: 0, RESUMED: 0 };
  readonly #options: FollowerOptions;
  readonly #running: Promise<void>;
  #session: { session_id: string; seq: number } | null = null;
  #socket: WebSocket | null = null;
  #stopped = false;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.view = viewOf(options.ids);
    this.#running = this.#follow();
  }

  drop(forget: boolean): void {
    if (forget) this.#session = null;
    this.#socket?.terminate();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#socket?.terminate();
    await this.#running;
  }

  async #follow(): Promise<void> {
    const url = `${this.#options.bridge.url.replace('http', 'ws')}/gateway`;
    for (let life = 0; !this.#stopped; life++) {
      const socket = new WebSocket(url);
      this.#socket = socket;
      const inflate = createInflate();
      let inflated: Buffer[] = [];
      inflate.on('data', (chunk: Buffer) => inflated.push(chunk));
      inflate.on('error', () => socket.terminate());
      socket.on('message', (message: Buffer, isBinary) => {
        if (!isBinary) {
          this.#receive(socket, message.toString(), life);
          return;
        }
        inflate.write(message, () => {
          const frame = Buffer.concat(inflated).toString();
          inflated = [];
          if (socket === this.#socket && frame !== '') this.#receive(socket, frame, life);
        });
      });
      socket.on('error', () => undefined); // A close follows.
      await new Promise((resolve) => socket.on('close', resolve));
      inflate.destroy();
    }
  }

  #receive(socket: WebSocket, text: string, life: number): void {
    const { op, t, s, d } = JSON.parse(text);
    const token = this.#options.tokens.plexichat;
    if (op === 9) this.#session = null;
    if (op === 9 || op === 10) {
      const resume = { op: 6, d: { token, ...this.#session } };
      const identify = { op: 2, d: { token, intents: 256, compress: life % 4 === 3 } };
      socket.send(JSON.stringify(this.#session ? resume : identify));
    }
    if (t === 'READY') {
      this.#session = { session_id: d.session_id, seq: s };
      // All that is not offline is told anew.
      for (const id of this.view.keys()) this.view.set(id, 'offline ');
    }
    if (t === 'READY' || t === 'RESUMED') this.begun[t as 'READY' | 'RESUMED']++;
    if (this.#session && typeof s === 'number') this.#session.seq = s;
    if (t === 'PRESENCE_UPDATE' && this.view.has(d.user_id)) this.view.set(d.user_id, seenPlexichat(d));
  }
}

/** A client of `/sync`, which goes on from where its last answer ended. */
export class SyncFollower implements Follower {
  readonly view: View;
  readonly #options: FollowerOptions;
  readonly #running: Promise<void>;
  readonly #agent = new Agent();
  #since = '';
  #dropped = new AbortController();
  #stopped = false;

  constructor(options: FollowerOptions) {
    this.#options = options;
    this.view = viewOf(options.ids);
    this.#running = this.#follow();
  }

  drop(forget: boolean): void {
    if (forget) this.#since = '';
    this.#dropped.abort();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#dropped.abort();
    await this.#running;
    await this.#agent.destroy();
  }

  async #follow(): Promise<void> {
    while (!this.#stopped) {
      this.#dropped = new AbortController();
      const since = this.#since;
      const body = await this.#sync(since).catch(() => null);
      // What was forgotten meanwhile is not taken up again.
      if (body === null || since !== this.#since) continue;
      if (since === '') for (const id of this.view.keys()) this.view.set(id, 'offline ');
      this.#since = `&since=${body.next_batch}`;
      for (const { sender, content } of body.presence?.events ?? []) {
        if (this.view.has(sender)) this.view.set(sender, seenMatrix(content));
      }
    }
  }

  async #sync(since: string): Promise<any> {
    const { bridge, tokens } = this.#options;
    const url = `${bridge.url}/_matrix/client/v3/sync?timeout=5000${since}`;
    const headers = { authorization: `Bearer ${tokens.matrix}` };
    const reply = await fetch(url, { headers, signal: this.#dropped.signal, dispatcher: this.#agent });
    if (reply.status !== 200) throw new Error(`a sync was answered ${reply.status}`);
    return reply.json();
  }
}
