import type { NetworkName } from '../../presence/identity.ts';
import type { Network } from '../../presence/network.ts';

export const MATRIX = 'matrix' as NetworkName;

/** Longest user id, bytes of UTF-8 (Matrix appendices: user identifiers). */
const MAX_ID_BYTES = 255;

const DOMAIN = String.raw`(?:\[[0-9A-Fa-f:.]{2,45}\]|[0-9A-Za-z.-]+)(?::[0-9]{1,5})?`;
const SERVER_NAME = new RegExp(`^${DOMAIN}$`);
/** Localparts as lenient as history demands; controls, spaces and lone surrogates are in nobody's id. */
const USER_ID = new RegExp(String.raw`^@[^:\s\p{Cc}\p{Cs}]+:${DOMAIN}$`, 'u');

/** Ids of the other network that can stand inside a localpart. */
const HOME_ID = /^[0-9a-z._=/+-]+$/;
const TEMPLATE = /^@(?!\{id\}:)[^:{}]*\{id\}[^:{}]*:[^{}]+$/;

/** The user id that `text` is, or null. Ids are compared as they are written: their case means something. */
export function parseUserId(text: string): string | null {
  return USER_ID.test(text) && Buffer.byteLength(text) <= MAX_ID_BYTES ? text : null;
}

/** Whether the text is a host name or address, with an optional port. */
export function isServerName(text: string): boolean {
  return SERVER_NAME.test(text);
}

/** Whether the text makes user ids once `{id}` and `{server_name}` are filled in, and no id at all a stand-in. */
export function isStandInTemplate(text: string): boolean {
  const template = fill(text, 'localhost');
  return TEMPLATE.test(template) && parseUserId(template.replace('{id}', '0')) !== null;
}

export interface MatrixNetworkOptions {
  /** The domain that the bridge answers for. */
  readonly serverName: string;
  /** What passes `isStandInTemplate`, such as `@_bridge_{id}:{server_name}`. */
  readonly standInTemplate: string;
}

/** Stand-ins are made of the other network's id by a template, and read back by it (semantics §1). */
export function matrixNetwork({ serverName, standInTemplate }: MatrixNetworkOptions): Network {
  const template = fill(standInTemplate, serverName);
  const at = template.indexOf('{id}');
  const before = template.slice(0, at);
  const after = template.slice(at + '{id}'.length);

  function homeOf(id: string): string | null {
    if (!id.startsWith(before) || !id.endsWith(after)) return null;
    const homeId = id.slice(before.length, -after.length);
    return HOME_ID.test(homeId) ? homeId : null;
  }

  return {
    name: MATRIX,
    parseId: parseUserId,
    isStandIn: (id) => homeOf(id) !== null,
    standIns: { kind: 'derived', forHome: (homeId) => before + homeId + after, homeOf },
    tokenText: (secret) => `pxb_${secret}`,
  };
}

function fill(template: string, serverName: string): string {
  return template.replace('{server_name}', () => serverName);
}
