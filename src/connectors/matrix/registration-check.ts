import { z } from 'zod';
import type { Namespace, RegistrationTerms } from './registration.ts';
import {
  aliasNamespaces,
  aliasOf,
  isStandIn,
  standInFor,
  standInNamespace,
  userIdOf,
} from './registration.ts';

type Fields = Readonly<Record<string, unknown>>;

const fieldsOf = z.record(z.string(), z.unknown());
const namespaceList = z.array(z.object({ regex: z.string(), exclusive: z.boolean() }));

/** Accounts of the other network whose stand-ins must be covered: short, usual and long. */
const HOME_IDS = ['1', '175928847299117063', '9'.repeat(20)] as const;

/** Shortest token that nobody guesses, characters. */
const SHORTEST_TOKEN = 16;

/** Everything in a registration file, read as YAML, that is wrong or does not fit the settings; each with its remedy. */
export function checkRegistration(parsed: unknown, terms: RegistrationTerms): string[] {
  const { data } = fieldsOf.safeParse(parsed);
  if (!data) return ['the file holds no registration; make one with `plexibridge registration generate`'];
  return [
    ...checkId(data),
    ...checkUrl(data['url'], terms),
    ...checkTokens(data),
    ...checkSender(data['sender_localpart'], terms),
    ...checkFlags(data),
    ...checkNamespaces(data['namespaces'], terms),
    ...checkProtocols(data['protocols']),
  ];
}

function checkId({ id }: Fields): string[] {
  return typeof id === 'string' && id !== ''
    ? []
    : ['id is missing; give it a text that no other registration of the homeserver has'];
}

function checkUrl(url: unknown, { homeserverUrl }: RegistrationTerms): string[] {
  const remedy = 'set it to where the homeserver reaches the bridge, such as http://127.0.0.1:8790';
  if (url === undefined) return [`url is missing; ${remedy}`];
  if (url === null) return [`url is null, so the homeserver sends nothing; ${remedy}`];
  if (typeof url !== 'string' || !URL.canParse(url)) return [`url is no URL; ${remedy}`];
  const { protocol, hostname, port, username, password, search, hash, href } = new URL(url);
  if (!/^https?:$/.test(protocol)) return [`url is neither http nor https; ${remedy}`];
  if (['0.0.0.0', '[::]'].includes(hostname) || port === '0') {
    return [`url is an address to listen on, where nobody can be reached; ${remedy}`];
  }
  if (username + password + search + hash !== '') return [`url has more than host, port and path; ${remedy}`];
  if (homeserverUrl !== undefined && new URL(homeserverUrl).href === href) {
    return [`url is that of the homeserver itself; ${remedy}`];
  }
  return [];
}

function checkTokens({ as_token: ours, hs_token: theirs }: Fields): string[] {
  const remedy = 'make new ones with `plexibridge registration generate --force`';
  const problems = Object.entries({ as_token: ours, hs_token: theirs }).flatMap(([name, token]) => {
    if (typeof token !== 'string') return [`${name} is missing or no text; ${remedy}`];
    if (!/^[\x21-\x7e]*$/.test(token))
      return [`${name} holds characters that no header can carry; ${remedy}`];
    return token.length < SHORTEST_TOKEN ? [`${name} is short enough to be guessed; ${remedy}`] : [];
  });
  if (problems.length > 0 || ours !== theirs) return problems;
  return [`as_token and hs_token are the same, so whoever is told one holds both; ${remedy}`];
}

function checkSender(sender: unknown, terms: RegistrationTerms): string[] {
  const remedy = 'set it to a name of the bridge itself, such as plexibridge';
  if (typeof sender !== 'string' || sender === '') return [`sender_localpart is missing; ${remedy}`];
  if (!/^[\w.~-]+$/.test(sender)) {
    return [`sender_localpart holds characters that need quoting in a URL; ${remedy}`];
  }
  const id = userIdOf(sender, terms);
  return isStandIn(id, terms)
    ? [`sender_localpart makes ${id}, which the settings keep for a stand-in; ${remedy}`]
    : [];
}

function checkFlags(fields: Fields): string[] {
  const expected: [name: string, value: boolean, otherwise: string][] = [
    ['rate_limited', false, 'the homeserver lets each stand-in write once in ten seconds at most'],
    ['receive_ephemeral', true, 'homeservers that know only this key send no presence'],
    ['de.sorunome.msc2409.push_ephemeral', true, 'Synapse before 1.156 sends no presence'],
  ];
  return expected
    .filter(([name, value]) => fields[name] !== value)
    .map(([name, value, otherwise]) => `${name} is not ${value}: ${otherwise}; set ${name}: ${value}`);
}

function checkNamespaces(namespaces: unknown, terms: RegistrationTerms): string[] {
  const { data } = fieldsOf.safeParse(namespaces);
  if (!data) return [`namespaces is missing; add it with users: [${flow(standInNamespace(terms))}]`];
  const problems: string[] = [];
  const read = (kind: string): Namespace[] => {
    const list = namespaceList.safeParse(data[kind] ?? []).data;
    if (!list) problems.push(`namespaces.${kind} is no list of {regex, exclusive}; write it as such a list`);
    const broken = list?.find(({ regex }) => patternOf(regex) === null);
    if (broken) {
      problems.push(`namespaces.${kind} has a regex that cannot be read: ${broken.regex}; mend or remove it`);
    }
    return list ?? [];
  };
  const [users, aliases] = [read('users'), read('aliases'), read('rooms')];
  // A list that cannot be read covers nothing; that says itself.
  return problems.length > 0 ? problems : [...checkUsers(users, terms), ...checkAliases(aliases, terms)];
}

function checkUsers(users: readonly Namespace[], terms: RegistrationTerms): string[] {
  const wanted = standInNamespace(terms);
  const problems: string[] = [];
  const covering = (id: string) => users.filter(({ regex }) => patternOf(regex)?.test(id));
  const standIns = HOME_IDS.map((homeId) => standInFor(homeId, terms));
  const uncovered = standIns.find((id) => covering(id).length === 0);
  if (uncovered !== undefined) {
    problems.push(`namespaces.users does not cover stand-ins such as ${uncovered}; add ${flow(wanted)}`);
  } else if (!standIns.every((id) => covering(id).some(({ exclusive }) => exclusive))) {
    problems.push(`namespaces.users leaves stand-ins to be registered by anybody; set exclusive: true`);
  }
  const anybody = userIdOf('alice', terms);
  if (covering(anybody).some(({ exclusive }) => exclusive)) {
    problems.push(
      `namespaces.users takes ordinary users such as ${anybody}, too, whom nobody could register then; replace it by ${flow(wanted)}`,
    );
  }
  return problems;
}

function checkAliases(aliases: readonly Namespace[], terms: RegistrationTerms): string[] {
  const alias = aliasOf(terms) ?? '';
  return aliasNamespaces(terms)
    .filter(() => !aliases.some(({ regex }) => patternOf(regex)?.test(alias)))
    .map((wanted) => `namespaces.aliases does not cover the room ${alias}; add ${flow(wanted)}`);
}

function checkProtocols(protocols: unknown): string[] {
  return z.array(z.string()).nullish().safeParse(protocols).success
    ? []
    : ['protocols is no list of names; set protocols: []'];
}

/** A namespace as homeservers match it: from the beginning on. Null when it is no regular expression. */
function patternOf(regex: string): RegExp | null {
  try {
    return new RegExp(`^(?:${regex})`);
  } catch {
    return null;
  }
}

/** The entry as a line of YAML. */
function flow({ exclusive, regex }: Namespace): string {
  return `{exclusive: ${exclusive}, regex: '${regex}'}`;
}
