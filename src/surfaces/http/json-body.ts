import type { FastifyInstance } from 'fastify';
import { BridgeError } from '../../presence/errors.ts';

/** The longest text in which a fault is looked for, UTF-16 units. */
const LONGEST_SEARCH = 65_536;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Bodies reach the handlers as bytes, whatever their content type says; `parseJson` reads them. The header is
 * removed, because Fastify refuses one that is malformed; who must see it finds it in `raw.rawHeaders`.
 */
export function takeBodiesAsBytes(app: FastifyInstance): void {
  app.addHook('onRequest', (request, _reply, done) => {
    delete request.headers['content-type'];
    done();
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body);
  });
}

/** Why a body is no JSON; the cause of `not_json`. */
export class JsonFault extends Error {
  /** Where the text goes wrong or breaks off, in code points; null when its bytes are no UTF-8. */
  readonly position: number | null;

  constructor(position: number | null, options?: ErrorOptions) {
    super(position === null ? 'not UTF-8' : `not JSON from ${position} on`, options);
    this.position = position;
  }
}

/** The value of a JSON body; no body at all is a fault at 0. Throws `not_json` with a `JsonFault` as its cause. */
export function parseJson(body: unknown): unknown {
  const text = decodeUtf8(body);
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    const position = Array.from(text.slice(0, faultIn(text, cause))).length;
    throw new BridgeError('not_json', '', { cause: new JsonFault(position, { cause }) });
  }
}

function decodeUtf8(body: unknown): string {
  try {
    return Buffer.isBuffer(body) ? utf8.decode(body) : '';
  } catch (cause) {
    throw new BridgeError('not_json', '', { cause: new JsonFault(null, { cause }) });
  }
}

/** UTF-16 units before the fault. The engine tells it only sometimes; else it is where the longest good beginning ends. */
function faultIn(text: string, error: unknown): number {
  const told = toldPosition(error);
  // Looking for it costs the parse of the text many times over, which nobody may ask for at any length.
  if (told !== null || text.length > LONGEST_SEARCH) return told ?? text.length;
  let [good, bad] = [0, text.length + 1];
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    if (mayGoOn(text.slice(0, middle))) good = middle;
    else bad = middle;
  }
  return good;
}

function mayGoOn(beginning: string): boolean {
  try {
    JSON.parse(beginning);
    return true;
  } catch (error) {
    return String(error).includes('Unexpected end') || toldPosition(error) === beginning.length;
  }
}

function toldPosition(error: unknown): number | null {
  const told = /at position (\d+)/.exec(String(error))?.[1];
  return told === undefined ? null : Number(told);
}
