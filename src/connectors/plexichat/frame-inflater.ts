import { constants, inflateRawSync } from 'node:zlib';

/** Largest frame once inflated, bytes. */
const MAX_FRAME_BYTES = 4 * 1024 * 1024;
/** How far back deflate may refer, bytes. */
const WINDOW = 32_768;
/** What a zlib stream begins with: method and window, then a check (RFC 1950 §2.2). */
const HEADER_BYTES = 2;
const DEFLATE = 8;

/**
 * Inflates one continuing zlib stream whose frames each end in a sync flush (Plexichat gateway: IDENTIFY `compress`).
 * A flush ends at a whole byte, so every frame is raw deflate of its own that refers to the text before it: inflated
 * with that as its dictionary, nothing waits for a thread.
 */
export class FrameInflater {
  #history: Buffer | null = null;

  /** The text of the next frame; null when it is none, or too large. After that the stream is of no use. */
  inflate(frame: Buffer): string | null {
    const isFirst = this.#history === null;
    if (isFirst && !isHeader(frame)) return null;
    const history = this.#history ?? Buffer.alloc(0);
    try {
      const plain = inflateRawSync(isFirst ? frame.subarray(HEADER_BYTES) : frame, {
        finishFlush: constants.Z_SYNC_FLUSH,
        maxOutputLength: MAX_FRAME_BYTES,
        ...(history.length > 0 && { dictionary: history }),
      });
      this.#history = Buffer.concat([history, plain.subarray(-WINDOW)]).subarray(-WINDOW);
      return plain.toString();
    } catch {
      return null;
    }
  }
}

function isHeader(frame: Buffer): boolean {
  if (frame.length < HEADER_BYTES) return false;
  const hasNoDictionary = ((frame[1] ?? 0) & 0x20) === 0;
  return ((frame[0] ?? 0) & 0x0f) === DEFLATE && frame.readUInt16BE(0) % 31 === 0 && hasNoDictionary;
}
