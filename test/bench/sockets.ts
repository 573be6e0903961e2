import { once } from 'node:events';
import { WebSocket } from 'ws';
import { each } from './each.ts';
import type { Account } from './people.ts';
import { roundOf } from './people.ts';
import type { Tally } from './tally.ts';

const AT_ONCE = 100;
const PRESENCES = 256;
const HEARTBEAT = JSON.stringify({ op: 1, d: null });

/** Gateway connections of the observers, taking turns. */
export class Sockets {
  readonly #sockets: WebSocket[] = [];
  readonly #tally: Tally;

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  /** Connects and identifies `count` of them; what they are told from then on is counted. */
  async open(url: string, observers: readonly Account[], count: number): Promise<void> {
    const gateway = `${url.replace('http', 'ws')}/gateway`;
    await each(count, AT_ONCE, async (i) => {
      const socket = new WebSocket(gateway, { perMessageDeflate: false });
      this.#sockets.push(socket);
      socket.on('message', (message: Buffer) => this.#receive(i, message));
      socket.on('close', (code) => this.#tally.fault(i, `was closed with ${code}`));
      socket.on('error', (error) => this.#tally.fault(i, error.message));
      await once(socket, 'open');
      const token = observers[i % observers.length]?.plexichatToken;
      socket.send(JSON.stringify({ op: 2, d: { token, intents: PRESENCES } }));
    });
  }

  /** Without it the bridge would let them go in time. */
  beat(): void {
    for (const socket of this.#sockets) socket.send(HEARTBEAT);
  }

  close(): void {
    for (const socket of this.#sockets) {
      socket.removeAllListeners('close');
      socket.terminate();
    }
  }

  #receive(client: number, message: Buffer): void {
    const { t, d } = JSON.parse(message.toString());
    if (t === 'PRESENCE_UPDATE') this.#tally.had(client, roundOf(d.custom_status));
  }
}
