import type { Deflate } from 'node:zlib';
import { constants, createDeflate } from 'node:zlib';
import type { WebSocket } from 'ws';

/** The way out of one socket: compresses once told to, and holds everything back while the network is silent. */
export class Line {
  readonly #ws: WebSocket;
  #deflate: Deflate | null = null;
  readonly #pieces: Buffer[] = [];
  #held: (() => void)[] | null = null;

  constructor(ws: WebSocket) {
    this.#ws = ws;
  }

  send(text: string): void {
    this.#out(() => this.#write(text));
  }

  close(code: number, reason: string): void {
    this.#out(() => {
      // What is still being compressed goes first.
      if (this.#deflate) this.#deflate.flush(() => this.#ws.close(code, reason));
      else this.#ws.close(code, reason);
    });
  }

  terminate(): void {
    this.#out(() => this.#ws.terminate());
  }

  /** Every later frame is a piece of one zlib stream that ends in a sync flush. */
  compress(): void {
    this.#deflate = createDeflate();
    this.#deflate.on('data', (piece: Buffer) => this.#pieces.push(piece));
  }

  /** Half-open: nothing leaves and nothing is read. */
  hold(): void {
    this.#held ??= [];
    this.#ws.pause();
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    this.#ws.resume();
    for (const task of held) task();
  }

  /** Ends it at once, held or not. */
  cut(): void {
    this.#ws.resume();
    this.#ws.terminate();
  }

  #out(task: () => void): void {
    if (this.#held) this.#held.push(task);
    else task();
  }

  #write(text: string): void {
    const deflate = this.#deflate;
    if (!deflate) {
      this.#ws.send(text);
      return;
    }
    deflate.write(text);
    deflate.flush(constants.Z_SYNC_FLUSH, () => {
      this.#ws.send(Buffer.concat(this.#pieces.splice(0)), { binary: true });
    });
  }
}
