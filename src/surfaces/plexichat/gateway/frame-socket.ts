import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Socket } from './outbox.ts';
import type { Turn } from './turns.ts';

const FINAL_TEXT = 0x81;
const FINAL_BINARY = 0x82;
/** Lengths beyond these are written in two bytes more, or in eight (RFC 6455 §5.2). */
const SHORT = 125;
const MEDIUM = 0xffff;

/**
 * A WebSocket of which all that is sent in one turn of the event loop goes out in one write: a storm of events costs a client
 * one of them. Frames are put together here, since those of the library cost two chunks and a closure each; control frames
 * stay with it.
 */
export class FrameSocket implements Socket {
  readonly #webSocket: WebSocket;
  readonly #stream: Duplex;
  readonly #turn: Turn;
  /** Mostly none or one, for which a list would be too much where there are ten thousand sockets. */
  #waiting: Buffer | Buffer[] | null = null;
  #waitingBytes = 0;

  /** `stream` is what the WebSocket was made of; it must have no extension that changes frames. */
  constructor(webSocket: WebSocket, stream: Duplex, turn: Turn) {
    this.#webSocket = webSocket;
    this.#stream = stream;
    this.#turn = turn;
  }

  get bufferedAmount(): number {
    return this.#waitingBytes + this.#stream.writableLength;
  }

  send(data: string | Buffer): void {
    const frame = typeof data === 'string' ? textFrame(data) : binaryFrame(data);
    this.#waitingBytes += frame.length;
    if (this.#waiting === null) {
      this.#waiting = frame;
      this.#turn.add(this);
    } else if (Array.isArray(this.#waiting)) {
      this.#waiting.push(frame);
    } else {
      this.#waiting = [this.#waiting, frame];
    }
  }

  /** Writes what waits. */
  flush(): void {
    const waiting = this.#waiting;
    if (waiting === null) return;
    const frames = Array.isArray(waiting) ? Buffer.concat(waiting, this.#waitingBytes) : waiting;
    this.#waiting = null;
    this.#waitingBytes = 0;
    if (this.#webSocket.readyState === this.#webSocket.OPEN && this.#stream.writable)
      this.#stream.write(frames);
  }

  close(code: number, reason: string): void {
    this.flush();
    this.#webSocket.close(code, reason);
  }

  pause(): void {
    this.#webSocket.pause();
  }

  resume(): void {
    this.#webSocket.resume();
  }
}

/** The last text, and its frame: an event goes to many clients in a row, and to those of one number in the same words. */
let last = { text: '', frame: emptyFrame(FINAL_TEXT, 0) };

function textFrame(text: string): Buffer {
  if (text === last.text) return last.frame;
  const length = Buffer.byteLength(text);
  const frame = emptyFrame(FINAL_TEXT, length);
  frame.write(text, frame.length - length);
  last = { text, frame };
  return frame;
}

function binaryFrame(data: Buffer): Buffer {
  const frame = emptyFrame(FINAL_BINARY, data.length);
  data.copy(frame, frame.length - data.length);
  return frame;
}

/** A frame of a server, which is never masked, with `length` bytes still to be filled in. */
function emptyFrame(kind: number, length: number): Buffer {
  const head = length <= SHORT ? 2 : length <= MEDIUM ? 4 : 10;
  const frame = Buffer.allocUnsafe(head + length);
  frame[0] = kind;
  if (head === 2) {
    frame[1] = length;
  } else if (head === 4) {
    frame[1] = 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = 127;
    frame.writeUIntBE(0, 2, 2);
    frame.writeUIntBE(length, 4, 6);
  }
  return frame;
}
