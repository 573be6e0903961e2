import { stringify } from 'yaml';
import type { Secrets } from '../../presence/tokens.ts';
import { matrixNetwork } from '../../protocols/matrix/ids.ts';

/** The settings that a registration must agree with. */
export interface RegistrationTerms {
  /** The domain of the homeserver's users. */
  readonly serverName: string;
  /** As in `matrixNetwork`. */
  readonly standInTemplate: string;
  /** Id or alias of the room that the stand-ins join. */
  readonly room?: string | undefined;
  /** Where the bridge reaches the homeserver. */
  readonly homeserverUrl?: string | undefined;
}

/** What a homeserver and the bridge know each other by (Matrix §application services: registration). */
export interface Registration {
  /** Unique on its homeserver. */
  readonly id: string;
  /** Where the homeserver reaches the bridge. */
  readonly url: string;
  /** Lets the bridge in at the homeserver. */
  readonly asToken: string;
  /** Lets the homeserver in at the bridge. */
  readonly hsToken: string;
  /** The bridge's own user there, who is nobody's stand-in. */
  readonly senderLocalpart: string;
}

export interface Namespace {
  readonly exclusive: boolean;
  readonly regex: string;
}

/** Whatever the template, at most one of them is a stand-in: they begin and end differently. */
const SENDERS = ['_plexibridge_bot', 'plexibridge'] as const;

/** Ids of the other network that can stand in a localpart, in every dialect of regular expressions. */
const HOME_ID = '[0-9a-z._=/+-]+';

/** Aliases that a registration can name; others are the operator's to make. */
const SAFE_LOCALPART = /^[0-9A-Za-z._=/+-]+$/;

const HEADER = `# The registration of the bridge at its homeserver. It holds tokens: keep it secret.
# Name it in the homeserver's settings, in Synapse under app_service_config_files, and restart the homeserver.
`;

/** A new registration with new tokens; `url` is where the homeserver reaches the bridge. */
export function makeRegistration(terms: RegistrationTerms, url: string, secrets: Secrets): Registration {
  const senderLocalpart = SENDERS.find((name) => !isStandIn(userIdOf(name, terms), terms)) ?? SENDERS[0];
  return {
    id: 'plexibridge',
    url,
    asToken: secrets.random(32),
    hsToken: secrets.random(32),
    senderLocalpart,
  };
}

/** The registration as the file that homeservers read. */
export function formatRegistration(registration: Registration, terms: RegistrationTerms): string {
  const file = {
    id: registration.id,
    url: registration.url,
    as_token: registration.asToken,
    hs_token: registration.hsToken,
    sender_localpart: registration.senderLocalpart,
    rate_limited: false,
    namespaces: { users: [standInNamespace(terms)], aliases: aliasNamespaces(terms), rooms: [] },
    receive_ephemeral: true,
    'de.sorunome.msc2409.push_ephemeral': true,
    protocols: [],
  };
  // Quoted, because homeservers read YAML 1.1, where more than numbers looks like a number.
  const text = stringify(file, { defaultStringType: 'QUOTE_SINGLE', defaultKeyType: 'PLAIN', lineWidth: 0 });
  return HEADER + text;
}

/** All stand-ins there are or will be. */
export function standInNamespace({ serverName, standInTemplate }: RegistrationTerms): Namespace {
  const template = standInTemplate.replace('{server_name}', () => serverName);
  return { exclusive: true, regex: `^${template.split('{id}').map(escape).join(HOME_ID)}$` };
}

/** The alias of the stand-ins' room, where it is the bridge's to make: none or one. */
export function aliasNamespaces(terms: RegistrationTerms): Namespace[] {
  const alias = aliasOf(terms) ?? '';
  const localpart = alias.slice(1, -terms.serverName.length - 1);
  const isOurs = alias === `#${localpart}:${terms.serverName}` && SAFE_LOCALPART.test(localpart);
  return isOurs ? [{ exclusive: true, regex: `^${escape(alias)}$` }] : [];
}

/** The whole alias of the room, null where it has none; one without a domain is of the homeserver. */
export function aliasOf({ room, serverName }: RegistrationTerms): string | null {
  if (!room?.startsWith('#')) return null;
  return room.includes(':') ? room : `${room}:${serverName}`;
}

/** The id of a user of the homeserver. */
export function userIdOf(localpart: string, { serverName }: RegistrationTerms): string {
  return `@${localpart}:${serverName}`;
}

/** Whether the id is kept for stand-ins. */
export function isStandIn(id: string, terms: RegistrationTerms): boolean {
  return matrixNetwork(terms).isStandIn(id);
}

/** The stand-in for an account of the other network. */
export function standInFor(homeId: string, { serverName, standInTemplate }: RegistrationTerms): string {
  return standInTemplate.replace('{server_name}', () => serverName).replace('{id}', () => homeId);
}

function escape(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, String.raw`\$&`);
}
