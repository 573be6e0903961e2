import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { ConnectionError, FastifyBaseLogger } from 'fastify';
import type { ErrorCode } from '../../presence/errors.ts';
import { BridgeError } from '../../presence/errors.ts';
import type { Refusal, Refuse } from './refusal.ts';

/** Why Node gives up on what should be a request, where it is not simply malformed. */
const CODES: ReadonlyMap<string, ErrorCode> = new Map([
  ['ERR_HTTP_REQUEST_TIMEOUT', 'too_slow'],
  ['HPE_HEADER_OVERFLOW', 'headers_too_large'],
  ['HPE_CHUNK_EXTENSIONS_OVERFLOW', 'body_too_large'],
]);

export interface ClientErrorsOptions {
  readonly logger: FastifyBaseLogger;
  readonly refuse: Refuse;
}

/** Answers what never became a request, and ends its connection. Nothing of it is logged: it may hold a token. */
export function clientErrors({ logger, refuse }: ClientErrorsOptions) {
  return (error: ConnectionError, socket: Socket): void => {
    if (error.code === 'ECONNRESET' || socket.destroyed) return;
    logger.debug({ code: error.code }, 'a client sent what is no request');
    const refusal = refuse(urlIn(error), new BridgeError(CODES.get(error.code) ?? 'bad_parameter'));
    if (socket.writable) socket.write(encode(refusal));
    socket.destroy();
  };
}

/** The URL that the request was for as far as it is known; it only decides in which form it is refused. */
function urlIn(error: ConnectionError & { readonly rawPacket?: unknown }): string {
  if (!Buffer.isBuffer(error.rawPacket)) return '';
  return /^[A-Z]+ (\S+)/.exec(error.rawPacket.toString('latin1', 0, 256))?.[1] ?? '';
}

function encode({ status, headers, body }: Refusal): string {
  const text = JSON.stringify(body);
  const lines = Object.entries({
    ...headers,
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(text)),
    connection: 'close',
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${text}`;
}
