import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect } from 'node:net';

/** The longest that an answer to an attack is waited for, ms. */
export const DEADLINE = 10_000;

export interface RawReply {
  readonly status: number;
  /** Names in lower case, of several the last. */
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** A connection to the bridge that says what it is told to, HTTP or not. */
export async function dial(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  // Whoever attacks is cut off, and that is no fault of the test.
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return socket;
}

/**
 * Sends the bytes and resolves with all answers, once the bridge has closed the connection; with `last` it is told that nothing
 * follows.
 */
export async function exchange(
  url: string,
  bytes: string | Buffer,
  { last = false }: { readonly last?: boolean } = {},
): Promise<RawReply[]> {
  const socket = await dial(url);
  const replies = collect(socket);
  if (last) socket.end(bytes);
  else socket.write(bytes);
  return replies;
}

/** Everything that comes until the connection is closed, which must be before the deadline. */
export async function collect(socket: Socket): Promise<RawReply[]> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  if (!socket.closed) await once(socket, 'close', { signal: AbortSignal.timeout(DEADLINE) });
  return split(Buffer.concat(chunks));
}

function split(bytes: Buffer): RawReply[] {
  const replies: RawReply[] = [];
  let rest = bytes;
  for (let end = rest.indexOf('\r\n\r\n'); end >= 0; end = rest.indexOf('\r\n\r\n')) {
    const [first = '', ...lines] = rest.subarray(0, end).toString('latin1').split('\r\n');
    const headers = Object.fromEntries(
      lines.map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
      }),
    );
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1]);
    const length = status === 204 || status === 304 ? 0 : Number(headers['content-length'] ?? 0);
    const text = rest.subarray(end + 4, end + 4 + length).toString();
    if (status >= 200) replies.push({ status, headers, text });
    rest = rest.subarray(end + 4 + length);
  }
  return replies;
}

/** One request as it goes over the wire. */
export function request(method: string, path: string, headers: readonly string[] = [], body = ''): string {
  const lines = [`${method} ${path} HTTP/1.1`, 'Host: bridge.test', 'Connection: close', ...headers];
  const length = body === '' ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
  return `${[...lines, ...length].join('\r\n')}\r\n\r\n${body}`;
}

export const bearer = (token: string): string => `Authorization: Bearer ${token}`;
export const JSON_TYPE = 'Content-Type: application/json';
