import type { FastifyRequest } from 'fastify';
import { BridgeError } from '../../presence/errors.ts';
import { JsonFault, parseJson } from '../http/json-body.ts';
import { sentValues } from '../http/raw-headers.ts';

const JSON_TYPE = /^application\/(?:[\w!#$&^.-]+\+)?json\s*(?:;|$)/i;

/**
 * The value of a body: null when empty, text when it does not claim to be JSON, which no model accepts. Throws
 * `not_json` with the server's message.
 */
export function readBody({ body, raw }: FastifyRequest): unknown {
  if (!Buffer.isBuffer(body) || body.length === 0) return null;
  const [type = ''] = sentValues(raw.rawHeaders, 'content-type');
  if (!JSON_TYPE.test(type)) return body.toString();
  try {
    return parseJson(body);
  } catch (error) {
    const fault = error instanceof BridgeError ? error.cause : null;
    if (!(fault instanceof JsonFault) || fault.position === null) throw error;
    throw new BridgeError('not_json', `Invalid ${fault.position}: JSON decode error`, { cause: fault });
  }
}
