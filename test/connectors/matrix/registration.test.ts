import { chmod, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import type { RegistrationTerms } from '../../../src/connectors/matrix/registration.ts';
import {
  aliasNamespaces,
  formatRegistration,
  makeRegistration,
  standInNamespace,
} from '../../../src/connectors/matrix/registration.ts';
import { checkRegistration } from '../../../src/connectors/matrix/registration-check.ts';
import {
  readRegistration,
  RegistrationError,
  writeRegistration,
} from '../../../src/connectors/matrix/registration-file.ts';
import { matrixNetwork } from '../../../src/protocols/matrix/ids.ts';
import { countingSecrets } from '../../helpers/bridge.ts';

const URL_HERE = 'http://127.0.0.1:8790';
const TERMS: RegistrationTerms = {
  serverName: 'bridge.test:8448',
  standInTemplate: '@_other_{id}:{server_name}',
  room: '#stand-ins:bridge.test:8448',
  homeserverUrl: 'http://127.0.0.1:8008',
};

function made(terms = TERMS) {
  return makeRegistration(terms, URL_HERE, countingSecrets());
}

function fileOf(terms = TERMS): any {
  return parse(formatRegistration(made(terms), terms));
}

describe('a new registration', () => {
  it('has everything that a homeserver reads, under the names of the specification', () => {
    expect(fileOf()).toEqual({
      id: 'plexibridge',
      url: URL_HERE,
      as_token: expect.stringMatching(/^[\w-]{43}$/),
      hs_token: expect.stringMatching(/^[\w-]{43}$/),
      sender_localpart: '_plexibridge_bot',
      rate_limited: false,
      namespaces: {
        users: [{ exclusive: true, regex: String.raw`^@_other_[0-9a-z._=/+-]+:bridge\.test:8448$` }],
        aliases: [{ exclusive: true, regex: String.raw`^#stand-ins:bridge\.test:8448$` }],
        rooms: [],
      },
      receive_ephemeral: true,
      'de.sorunome.msc2409.push_ephemeral': true,
      protocols: [],
    });
    const { asToken, hsToken } = made();
    expect(asToken).not.toBe(hsToken);
  });

  it('quotes every text, so that no reader takes a token for a number', () => {
    const registration = { ...made(), asToken: '1_000_000_000_000_000', hsToken: '0x1234567890123456' };
    const text = formatRegistration(registration, TERMS);
    expect(text).toContain("as_token: '1_000_000_000_000_000'");
    expect(text).toContain("hs_token: '0x1234567890123456'");
    expect(text).toMatch(/^#/);
  });

  it.each([
    ['[::1]', '@x.{id}.y:{server_name}', '@x.7.y:[::1]', '@xa7.y:[::1]'],
    ['a.b', '@+{id}:{server_name}', '@+7:a.b', '@7:a.b'],
    ['a.b', '@_o_{id}:{server_name}', '@_o_7:a.b', '@_o_7:a.b.evil.test'],
    ['a.b', '@_o_{id}:{server_name}', '@_o_7:a.b', 'x@_o_7:a.b'],
    ['a.b', '@_o_{id}:{server_name}', '@_o_7:a.b', '@_o_:a.b'],
    ['a.b', '@_o_{id}:fixed.test', '@_o_7:fixed.test', '@_o_7:fixed-test'],
  ])('covers the stand-ins of %s by %s and nobody else', (serverName, standInTemplate, inside, outside) => {
    const terms = { serverName, standInTemplate };
    const pattern = new RegExp(standInNamespace(terms).regex);
    const network = matrixNetwork(terms);
    expect([pattern.test(inside), network.isStandIn(inside)]).toEqual([true, true]);
    expect([pattern.test(outside), network.isStandIn(outside)]).toEqual([false, false]);
  });

  it.each([
    [undefined, 0],
    ['!id:a.b', 0],
    ['#room:a.b', 1],
    ['#room:elsewhere.test', 0],
    ['#room:xa.b', 0],
    ['#ro(om:a.b', 0],
    ['#räume:a.b', 0],
    ['#:a.b', 0],
    ['#a.b', 1],
    ['#room', 1],
    ['#', 0],
  ])('keeps the alias of room %s: %i', (room, count) => {
    const terms = { serverName: 'a.b', standInTemplate: '@_o_{id}:{server_name}', room };
    expect(aliasNamespaces(terms)).toHaveLength(count);
  });

  it.each([
    '@_plexibridge_{id}:{server_name}',
    '@_{id}:{server_name}',
    '@{id}t:{server_name}',
    '@p{id}:{server_name}',
  ])('passes the check with the template %s: its sender is nobody', (standInTemplate) => {
    const terms = { ...TERMS, standInTemplate };
    expect(checkRegistration(fileOf(terms), terms)).toEqual([]);
  });
});

describe('the check', () => {
  const users = (entries: unknown) => ({ namespaces: { users: entries } });
  const standIns = fileOf().namespaces.users[0];

  it('is content with one that has more than it needs, or leaves out what may be', () => {
    const { aliases, rooms, ...only } = fileOf().namespaces;
    const file = { ...fileOf(), namespaces: { ...only, aliases }, 'io.element.msc4190': true };
    delete file.protocols;
    expect(rooms).toEqual([]);
    expect(checkRegistration(file, TERMS)).toEqual([]);
    const wide = { exclusive: false, regex: '@.*:bridge.test:8448' };
    const more = { ...fileOf(), namespaces: { ...fileOf().namespaces, users: [wide, standIns] } };
    expect(checkRegistration(more, TERMS)).toEqual([]);
  });

  it.each<[string, object, RegExp]>([
    ['no id', { id: undefined }, /^id is missing/],
    ['an empty id', { id: '' }, /^id is missing/],
    ['no url', { url: undefined }, /^url is missing/],
    ['url null', { url: null }, /^url is null.*set it to/],
    ['url no URL', { url: 'bridge' }, /^url is no URL/],
    ['url of another kind', { url: 'ws://127.0.0.1:8790' }, /^url is neither http nor https/],
    ['url to listen on', { url: 'http://0.0.0.0:8790' }, /^url is an address to listen on/],
    ['url to listen on for all', { url: 'http://[::]:8790' }, /^url is an address to listen on/],
    ['url of any port', { url: 'http://127.0.0.1:0' }, /^url is an address to listen on/],
    ['url with a query', { url: 'http://h.test/?a=b' }, /^url has more/],
    ['url with a password', { url: 'http://:b@h.test/' }, /^url has more/],
    ['url of the homeserver', { url: 'http://127.0.0.1:8008/' }, /^url is that of the homeserver/],
    ['no as_token', { as_token: undefined }, /^as_token is missing/],
    ['hs_token a number', { hs_token: 1 }, /^hs_token is missing or no text/],
    ['hs_token with a space', { hs_token: 'a b'.repeat(9) }, /^hs_token holds characters/],
    ['as_token short', { as_token: 'secret' }, /^as_token is short/],
    ['both tokens the same', { as_token: fileOf().hs_token }, /^as_token and hs_token are the same/],
    ['no sender', { sender_localpart: undefined }, /^sender_localpart is missing/],
    ['a sender with a colon', { sender_localpart: '@bot:x' }, /^sender_localpart holds characters/],
    [
      'a sender that is a stand-in',
      { sender_localpart: '_other_bot' },
      /^sender_localpart makes @_other_bot:bridge\.test:8448/,
    ],
    ['no rate_limited', { rate_limited: undefined }, /^rate_limited is not false.*set rate_limited: false/],
    ['rate_limited', { rate_limited: true }, /^rate_limited is not false/],
    ['no receive_ephemeral', { receive_ephemeral: undefined }, /^receive_ephemeral is not true/],
    [
      'no push_ephemeral',
      { 'de.sorunome.msc2409.push_ephemeral': false },
      /^de\.sorunome\.msc2409\.push_ephemeral is not true/,
    ],
    [
      'no namespaces',
      { namespaces: null },
      /^namespaces is missing; add it with users: \[\{exclusive: true, regex: '\^@_other_/,
    ],
    ['users no list', users({}), /^namespaces\.users is no list/],
    ['users without exclusive', users([{ regex: 'x' }]), /^namespaces\.users is no list/],
    [
      'a broken regex',
      users([standIns, { exclusive: false, regex: '(' }]),
      /^namespaces\.users has a regex that cannot be read: \(/,
    ],
    ['aliases no list', { namespaces: { users: [standIns], aliases: 5 } }, /^namespaces\.aliases is no list/],
    [
      'rooms no list',
      { namespaces: { ...fileOf().namespaces, rooms: ['x'] } },
      /^namespaces\.rooms is no list/,
    ],
    ['protocols no list', { protocols: 'irc' }, /^protocols is no list/],
  ])('finds %s', (_name, patch, problem) => {
    expect(checkRegistration({ ...fileOf(), ...patch }, TERMS)).toEqual([expect.stringMatching(problem)]);
  });

  it.each<[string, object, RegExp]>([
    ['nothing covered', { users: [] }, /^namespaces\.users does not cover stand-ins such as @_other_1:/],
    ['those of another server', { users: [{ exclusive: true, regex: '@_other_.*:else' }] }, /does not cover/],
    [
      'too short ids only',
      { users: [{ exclusive: true, regex: '@_other_[0-9]{1,5}:bridge' }] },
      /such as @_other_175928847299117063:/,
    ],
    ['a pattern that begins later', { users: [{ exclusive: true, regex: '_other_.*' }] }, /does not cover/],
    [
      'an alternative that begins later',
      { users: [{ exclusive: true, regex: '@x|_other_.*' }] },
      /does not cover/,
    ],
    [
      'stand-ins for anybody',
      { users: [{ ...standIns, exclusive: false }] },
      /to be registered by anybody; set exclusive: true/,
    ],
    [
      'everybody',
      { users: [{ exclusive: true, regex: '@.*:bridge.test:8448' }] },
      /takes ordinary users such as @alice:/,
    ],
    [
      'no alias',
      { aliases: [] },
      /^namespaces\.aliases does not cover the room #stand-ins:bridge\.test:8448; add \{/,
    ],
  ])('finds namespaces with %s', (_name, patch, problem) => {
    const namespaces = { ...fileOf().namespaces, ...patch };
    expect(checkRegistration({ ...fileOf(), namespaces }, TERMS)).toEqual([expect.stringMatching(problem)]);
  });

  it('tells everything at once', () => {
    expect(checkRegistration({}, TERMS)).toHaveLength(9);
    for (const parsed of [null, 'text', []]) {
      expect(checkRegistration(parsed, TERMS)).toEqual([expect.stringContaining('holds no registration')]);
    }
  });
});

describe('the file', () => {
  let folder: string;
  let file: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plexibridge-registration-'));
    file = join(folder, 'registration.yaml');
  });

  afterEach(async () => {
    await rm(folder, { recursive: true, force: true });
  });

  it('is read as it was written, and only its owner may', async () => {
    writeRegistration(file, made(), TERMS, false);
    expect(readRegistration(file, TERMS)).toEqual(made());
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  it('is replaced only on demand, and then as a whole', async () => {
    await writeFile(file, 'mine');
    await chmod(file, 0o644);
    expect(() => writeRegistration(file, made(), TERMS, false)).toThrow(
      /registration\.yaml: exists already; --force/,
    );
    expect(await readFile(file, 'utf8')).toBe('mine');
    writeRegistration(file, made(), TERMS, true);
    expect(readRegistration(file, TERMS)).toEqual(made());
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['registration.yaml']);
  });

  it('tells why it cannot be written or read', () => {
    const nowhere = join(folder, 'none', 'r.yaml');
    expect(() => writeRegistration(nowhere, made(), TERMS, false)).toThrow(
      /r\.yaml: cannot be written .*ENOENT/,
    );
    expect(() => readRegistration(file, TERMS)).toThrow(/cannot be read .*; make one with `plexibridge/);
  });

  it('is not written when it could not be used', async () => {
    const useless = { ...made(), url: 'bridge' };
    expect(() => writeRegistration(file, useless, TERMS, true)).toThrow(/registration\.yaml: url is no URL/);
    expect(await readdir(folder)).toEqual([]);
  });

  it('tells what is wrong by place, never by quoting', async () => {
    await writeFile(file, `as_token: secret-token-of-mine\n"hs_token: secret-token-of-theirs\n`);
    const broken = attempt(() => readRegistration(file, TERMS));
    expect(broken).toBeInstanceOf(RegistrationError);
    expect(String(broken)).toMatch(/line \d: invalid YAML/);
    expect(String(broken)).not.toContain('secret');
    await writeFile(file, 'a: *nothing\n');
    expect(() => readRegistration(file, TERMS)).toThrow('invalid YAML');
    await writeFile(file, stringify({ ...fileOf(), url: null, id: '' }));
    const wrong = attempt(() => readRegistration(file, TERMS));
    expect((wrong as RegistrationError).problems).toHaveLength(2);
    expect(String(wrong)).not.toContain(fileOf().as_token);
  });
});

function attempt(task: () => unknown): unknown {
  try {
    return task();
  } catch (error) {
    return error;
  }
}
