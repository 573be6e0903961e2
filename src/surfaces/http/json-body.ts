import type { FastifyInstance } from 'fastify';
import { BridgeError } from '../../presence/errors.ts';

const utf8 = new TextDecoder('utf-8', { fatal: true });

/** Bodies reach the handlers as bytes, whatever their content type; `parseJson` reads them. */
export function takeBodiesAsBytes(app: FastifyInstance): void {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body);
  });
}

/** Why a body is no JSON: its bytes are no UTF-8, or the text breaks off or goes wrong at `position` (UTF-16 units). */
export interface JsonFault {
  readonly utf8: boolean;
  readonly position: number;
}

/** The value of a JSON body; null bytes of body are a fault at 0. Throws `not_json` with a `JsonFault` as its cause. */
export function parseJson(body: unknown): unknown {
  const text = decodeUtf8(body);
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const at = /at position (\d+)/.exec(String(error))?.[1];
    throw notJson({ utf8: true, position: at === undefined ? text.length : Number(at) });
  }
}

function decodeUtf8(body: unknown): string {
  try {
    return Buffer.isBuffer(body) ? utf8.decode(body) : '';
  } catch {
    throw notJson({ utf8: false, position: 0 });
  }
}

function notJson(fault: JsonFault): BridgeError {
  return new BridgeError('not_json', '', { cause: fault });
}
