import { inflateSync } from 'node:zlib';

/** Bytes of a frame, as sent and after inflating. */
const MAX_FRAME = 65_536;
const MAX_INFLATED = 256 * 1024;

/** What a client said; `op` null when it said none. */
export interface ClientFrame {
  readonly op: unknown;
  readonly d: unknown;
  /** The text as it came, for ids that JSON numbers cannot hold. */
  readonly text: string;
}

/** 'undecodable' closes 4002, 'crash' is what the real handler dies of, 'nothing' is passed over. */
export type Decoded = ClientFrame | 'undecodable' | 'crash' | 'nothing';

export function decodeFrame(bytes: Buffer, isBinary: boolean): Decoded {
  if (bytes.length > MAX_FRAME) return 'undecodable';
  let text: string;
  let value: unknown;
  try {
    text = isBinary && bytes[0] === 0x78 ? inflate(bytes) : bytes.toString();
    value = JSON.parse(text);
  } catch {
    return 'undecodable';
  }
  if (value === null) return 'nothing';
  if (typeof value !== 'object' || Array.isArray(value)) return 'crash';
  const op = 'op' in value ? value.op : null;
  return { op: op === true ? 1 : op, d: 'd' in value ? value.d : undefined, text };
}

function inflate(bytes: Buffer): string {
  return inflateSync(bytes, { maxOutputLength: MAX_INFLATED }).toString();
}

/** `json` is the text of `d`. */
export function dispatchFrame(type: string, seq: number, json: string): string {
  return `{"op":0,"t":${JSON.stringify(type)},"s":${seq},"d":${json}}`;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
