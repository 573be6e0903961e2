import { setTimeout as wait } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { FleetNode } from './fleet.ts';
import type { WatcherOptions } from './sync-watcher.ts';

const RETRY_MS = 50;
const HEARTBEAT_MS = 30_000;
/** How often a client looks for another node though its own is well, ms. */
const HOP = { least: 1_000, most: 6_000 };

interface Event {
  readonly user_id: string;
  readonly status: string;
  readonly custom_status: string | null;
}

/** A client of the gateway that resumes at any node when its own dies, and now and then without that. */
export class GatewayWatcher {
  /** How sessions began. */
  readonly begun = { READY: 0, RESUMED: 0 };
  readonly #options: WatcherOptions;
  readonly #running: Promise<void>;
  #session: { readonly session_id: string; seq: number } | null = null;
  /** The process that sent the last event. */
  #life = '';
  /** Of whom it has not been told yet by this process. */
  readonly #unknown = new Set<string>();
  #socket: WebSocket | null = null;
  #stopped = false;

  constructor(options: WatcherOptions) {
    this.#options = options;
    this.#running = this.#follow();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#socket?.terminate();
    await this.#running;
  }

  async #follow(): Promise<void> {
    const { nodes, random } = this.#options;
    while (!this.#stopped) {
      const node = nodes[Math.floor(random() * nodes.length)];
      if (node) await this.#connect(node, HOP.least + random() * (HOP.most - HOP.least));
      await wait(RETRY_MS);
    }
  }

  /** Resolves once the connection has ended, at most after `ms`; halted nodes are waited for. */
  async #connect(node: FleetNode, ms: number): Promise<void> {
    const life = `${node.name} ${node.life}`;
    const socket = new WebSocket(`${node.url.replace('http', 'ws')}/gateway`);
    this.#socket = socket;
    const leave = this.#options.hops ? setTimeout(() => socket.terminate(), ms) : undefined;
    const beat = setInterval(() => {
      if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ op: 1, d: null }));
    }, HEARTBEAT_MS);
    await new Promise<void>((resolve) => {
      socket.on('message', (message: Buffer) => this.#take(socket, life, String(message)));
      socket.on('error', () => undefined); // a close follows
      socket.on('close', () => resolve());
    });
    clearTimeout(leave);
    clearInterval(beat);
  }

  #take(socket: WebSocket, life: string, message: string): void {
    const { watcher, people } = this.#options;
    const { op, t, s, d } = JSON.parse(message);
    const token = watcher.tokens.plexichat;
    if (op === 9) this.#session = null;
    if (op === 9 || op === 10) {
      const begin = this.#session
        ? { op: 6, d: { token, ...this.#session } }
        : { op: 2, d: { token, intents: 256 } };
      socket.send(JSON.stringify(begin));
    }
    if (t === 'READY') this.#session = { session_id: d.session_id, seq: s };
    if (t === 'READY' || t === 'RESUMED') {
      this.begun[t as keyof typeof this.begun]++;
      if (t === 'READY' || life !== this.#life) for (const { name } of people) this.#unknown.add(name);
      this.#life = life;
    }
    if (t === 'PRESENCE_UPDATE') this.#see(s, d);
  }

  #see(s: number, { user_id, status: mode, custom_status: text }: Event): void {
    const { watcher, people, recorder } = this.#options;
    const session = this.#session;
    if (!session || s !== session.seq + 1) {
      recorder.oddities.push(`${watcher.name}: event ${s} came after ${session?.seq}`);
    }
    if (session) session.seq = s;
    const person = people.find(({ ids }) => ids.plexichat === user_id)?.name;
    if (person === undefined) return;
    const fresh = this.#unknown.delete(person);
    recorder.saw({ watcher: watcher.name, person, mode, text, fresh });
  }
}
