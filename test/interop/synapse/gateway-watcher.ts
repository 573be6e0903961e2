import { WebSocket } from 'ws';

const PRESENCES = 256;
const HEARTBEAT_MS = 20_000;

/** The data of a PRESENCE_UPDATE. */
export interface Update {
  readonly user_id: string;
  readonly status: string;
  readonly custom_status: string | null;
  readonly custom_emoji: string | null;
}

/** A client of the bridge's Plexichat gateway, which keeps every PRESENCE_UPDATE. */
export class GatewayWatcher implements Disposable {
  readonly #socket: WebSocket;
  readonly #updates: Update[] = [];
  #heartbeat: NodeJS.Timeout | undefined;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
  }

  /** Resolves once READY is there. */
  static async connect(url: string, token: string): Promise<GatewayWatcher> {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/gateway`);
    const watcher = new GatewayWatcher(socket);
    const ready = new Promise<void>((resolve, reject) => {
      socket.on('error', reject);
      socket.on('close', (code) => reject(new Error(`the gateway closed with ${code}`)));
      socket.on('message', (message: Buffer) => {
        const { op, t, d } = JSON.parse(String(message));
        if (op === 10) socket.send(JSON.stringify({ op: 2, d: { token, intents: PRESENCES } }));
        if (t === 'READY') resolve();
        if (t === 'PRESENCE_UPDATE') watcher.#updates.push(d);
      });
    });
    await ready;
    watcher.#heartbeat = setInterval(() => socket.send(JSON.stringify({ op: 1, d: null })), HEARTBEAT_MS);
    socket.on('close', () => clearInterval(watcher.#heartbeat));
    return watcher;
  }

  get open(): boolean {
    return this.#socket.readyState === WebSocket.OPEN;
  }

  /** All that came of the user, oldest first. */
  of(userId: string): Update[] {
    return this.#updates.filter((update) => update.user_id === userId);
  }

  /** What comes of the user from now on, whenever the result is called. */
  from(userId: string): () => Update[] {
    const { length } = this.of(userId);
    return () => this.of(userId).slice(length);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#heartbeat);
    this.#socket.terminate();
  }
}
