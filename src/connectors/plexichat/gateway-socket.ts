import { WebSocket } from 'ws';
import type { ServerFrame } from '../../protocols/plexichat/server-frames.ts';
import { decodeServerFrame } from '../../protocols/plexichat/server-frames.ts';
import type { OutboundFault } from '../outbound-error.ts';
import { faultOf } from '../outbound-error.ts';
import { FrameInflater } from './frame-inflater.ts';

/** Largest message as sent, bytes. */
const MAX_MESSAGE_BYTES = 4 * 1024 * 1024;
/** The longest that the WebSocket handshake may take, ms of real time. */
const HANDSHAKE_TIMEOUT = 10_000;
const NORMAL_CLOSE = 1000;
/** How `ws` names what breaks the protocol or a limit of ours. */
const BROKEN = /^WS_ERR_/;
const HANDSHAKE_TIMED_OUT = 'Opening handshake has timed out';

/** `closed`: by the server, or without a word. `garbage`: it sent what nobody understands. */
export type SocketEnd = OutboundFault | 'closed' | 'garbage';

export interface GatewaySocketEvents {
  frame(frame: ServerFrame): void;
  /** The last event, told once; `code` is the close code, null when there never was a socket. */
  ended(end: SocketEnd, code: number | null): void;
}

/** One WebSocket to the gateway of a real server: frames in, texts out. Certificates are verified, redirects refused. */
export class GatewaySocket {
  readonly #events: GatewaySocketEvents;
  readonly #ws: WebSocket;
  readonly #closed: Promise<void>;
  readonly #inflater = new FrameInflater();
  #fault: SocketEnd | null = null;
  #opened = false;
  #muted = false;

  constructor(url: string, events: GatewaySocketEvents) {
    this.#events = events;
    this.#ws = new WebSocket(url, {
      handshakeTimeout: HANDSHAKE_TIMEOUT,
      maxPayload: MAX_MESSAGE_BYTES,
      perMessageDeflate: false,
      followRedirects: false,
      rejectUnauthorized: true,
    });
    this.#ws.on('open', () => (this.#opened = true));
    this.#ws.on('message', (data, isBinary) => this.#receive(data as Buffer, isBinary));
    this.#ws.on('error', (error) => (this.#fault ??= endOf(error)));
    this.#closed = new Promise((resolve) => {
      this.#ws.on('close', (code) => {
        this.#end(this.#fault ?? 'closed', this.#opened ? code : null);
        resolve();
      });
    });
  }

  send(text: string): void {
    if (this.#ws.readyState === WebSocket.OPEN) this.#ws.send(text);
  }

  /** Ends it at once, without waiting for the other side; no event follows. Resolves when the socket is gone. */
  async cut(): Promise<void> {
    this.#muted = true;
    if (this.#ws.readyState === WebSocket.OPEN) this.#ws.close(NORMAL_CLOSE);
    this.#ws.terminate();
    await this.#closed;
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (this.#muted) return;
    const text = isBinary ? this.#inflater.inflate(data) : data.toString();
    const frame = text === null ? null : decodeServerFrame(text);
    if (frame) {
      this.#events.frame(frame);
      return;
    }
    this.#end('garbage', null);
    this.#ws.terminate();
  }

  #end(end: SocketEnd, code: number | null): void {
    if (this.#muted) return;
    this.#muted = true;
    this.#events.ended(end, code);
  }
}

function endOf(error: Error): SocketEnd {
  if (error.message === HANDSHAKE_TIMED_OUT) return 'timeout';
  return 'code' in error && BROKEN.test(String(error.code)) ? 'garbage' : faultOf(error);
}
