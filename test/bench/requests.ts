import type { Network } from './world.ts';
import { idOf, tokenOf } from './world.ts';

/** A way to read and write presence. */
export interface Surface {
  readonly name: string;
  readonly network: Network;
  /** The path of somebody's presence. */
  readonly presence: (id: string) => string;
  readonly body: string;
}

const matrix = (name: string, root: string): Surface => ({
  name,
  network: 'matrix',
  presence: (id) => `${root}/presence/${id}/status`,
  body: JSON.stringify({ presence: 'unavailable', status_msg: 'Working on Matrix' }),
});

const plexichat: Surface = {
  name: 'plexichat',
  network: 'plexichat',
  presence: (id) => `/api/v1/users/${id}/presence`,
  body: JSON.stringify({ status: 'dnd', custom_status: 'Working on Plexichat', custom_emoji: ':computer:' }),
};

export const SURFACES = [
  plexichat,
  matrix('matrix v1', '/_matrix/client/api/v1'),
  matrix('matrix v3', '/_matrix/client/v3'),
] as const;

/** A whole GET of the presence of `id`. */
export function getRequest({ presence }: Surface, id: string, token: string): string {
  return `GET ${presence(id)} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${token}\r\n\r\n`;
}

/** A whole PUT of the presence of person `n` by herself. */
export function putRequest({ presence, network, body }: Surface, n: number): string {
  const path = presence(network === 'plexichat' ? '@me' : idOf(network, n));
  return (
    `PUT ${path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${tokenOf(network, n)}\r\n` +
    `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
  );
}
