import { constants, deflateRawSync } from 'node:zlib';

/** What the gateway needs of a WebSocket. */
export interface Socket {
  /** Bytes that wait to be sent. */
  readonly bufferedAmount: number;
  send(data: string | Buffer): void;
  close(code: number, reason: string): void;
  /** Stops reading what the client sends, until `resume`. */
  pause(): void;
  resume(): void;
}

/** The way out to one client, bounded: who reads too slowly must be let go. */
export class Outbox {
  readonly #socket: Socket;
  readonly #limit: number;
  #stream: ZlibStream | null = null;

  /** `limit` is how many bytes may wait. */
  constructor(socket: Socket, limit: number) {
    this.#socket = socket;
    this.#limit = limit;
  }

  /** From now on everything goes through one zlib stream (Plexichat gateway: IDENTIFY `compress`). */
  compress(): void {
    this.#stream = new ZlibStream();
  }

  /** False when too much waits to be sent. */
  send(frame: string): boolean {
    this.#socket.send(this.#stream ? this.#stream.next(frame) : frame);
    return this.#socket.bufferedAmount <= this.#limit;
  }
}

const ZLIB_HEADER = Buffer.from([0x78, 0x9c]);
/** How far back a frame may refer, bytes: enough for the frames before it, a fraction of what a deflater holds. */
const HISTORY = 4096;

/**
 * One continuing zlib stream, each frame flushed. Made of separate raw deflations that take the frames before as
 * their dictionary: to whoever inflates it is the same stream, and nothing waits for a thread or holds its memory.
 */
class ZlibStream {
  #history: Buffer | null = null;

  next(frame: string): Buffer {
    const plain = Buffer.from(frame);
    const finishFlush = constants.Z_SYNC_FLUSH;
    if (!this.#history) {
      this.#history = plain.subarray(-HISTORY);
      return Buffer.concat([ZLIB_HEADER, deflateRawSync(plain, { finishFlush })]);
    }
    const deflated = deflateRawSync(plain, { finishFlush, dictionary: this.#history });
    this.#history = Buffer.concat([this.#history, plain]).subarray(-HISTORY);
    return deflated;
  }
}
