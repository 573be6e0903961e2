import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Homeserver } from '../../../src/connectors/matrix/homeserver.ts';
import type { HomeserverFault } from '../../../src/connectors/matrix/homeserver-fault.ts';
import { Outbound } from '../../../src/connectors/outbound.ts';
import { FakeHomeserver } from '../../helpers/homeserver.ts';

const GHOST = '@_plexichat_7:hs.test';

let fake: FakeHomeserver;
let outbound: Outbound;
let homeserver: Homeserver;

beforeEach(async () => {
  fake = new FakeHomeserver();
  const baseUrl = await fake.listen();
  outbound = new Outbound({
    baseUrl,
    timeoutMs: 200,
    maxBodyBytes: 10_000,
    connections: 2,
    userAgent: 'test',
  });
  homeserver = new Homeserver({ outbound, asToken: fake.asToken, clock: fake.clock });
});

afterEach(async () => {
  await outbound[Symbol.asyncDispose]();
  await fake[Symbol.asyncDispose]();
});

async function faultOf(work: Promise<unknown>): Promise<HomeserverFault> {
  return work.then(
    () => expect.unreachable('there was no fault'),
    (error: unknown) => error as HomeserverFault,
  );
}

describe('what the homeserver can do', () => {
  it.each([
    { versions: ['r0.6.1', 'v1.6'], busy: false, ping: false },
    { versions: ['v1.7'], busy: true, ping: true },
    { versions: ['v2.0'], busy: false, ping: true },
    { versions: ['r1.9'], busy: false, ping: false },
  ])('is read from $versions', async ({ versions, busy, ping }) => {
    fake.model.versions = versions;
    fake.model.busy = busy;
    expect(await homeserver.versions()).toEqual({ busy, ping });
  });
});

describe('as the application service', () => {
  it('carries the token of the registration, and the user it speaks for', async () => {
    await homeserver.register('_plexichat_7');
    await homeserver.putPresence(GHOST, { presence: 'online', status_msg: 'here & now' }, { as: GHOST });
    const path = `/_matrix/client/v3/presence/${GHOST}/status`;
    const body = { presence: 'online', status_msg: 'here & now' };
    expect(fake.seen.at(-1)).toMatchObject({ method: 'PUT', path, as: GHOST, token: 'as-token', body });
    expect(fake.model.presenceOf(GHOST)).toMatchObject(body);
  });

  it('speaks for itself without naming anybody', async () => {
    expect(await homeserver.whoami()).toBe('@plexibridge:hs.test');
    expect(fake.seen.at(-1)?.as).toBeNull();
  });

  it('carries the token of a user, and names nobody', async () => {
    const id = fake.model.addUser('alice', 'hers');
    await homeserver.putPresence(id, { presence: 'unavailable' }, { token: 'hers' });
    expect(fake.seen.at(-1)).toMatchObject({ as: null, token: 'hers' });
    expect(fake.model.presenceOf(id).presence).toBe('unavailable');
  });

  it('registers who is there already, too', async () => {
    await homeserver.register('_plexichat_7');
    await expect(homeserver.register('_plexichat_7')).resolves.toBeUndefined();
    expect(fake.seen.at(-1)?.body).toEqual({
      type: 'm.login.application_service',
      username: '_plexichat_7',
      inhibit_login: true,
    });
  });

  it('fails to register who is not ours', async () => {
    const fault = await faultOf(homeserver.register('alice'));
    expect(fault).toMatchObject({ kind: 'refused', status: 400, errcode: 'M_EXCLUSIVE' });
  });

  it('reads and writes profiles', async () => {
    expect(await homeserver.profile(GHOST)).toBeNull();
    await homeserver.register('_plexichat_7');
    await homeserver.setDisplayName(GHOST, 'Cleo');
    const picture = await homeserver.uploadMedia(new Uint8Array(3), 'image/png');
    await homeserver.setAvatarUrl(GHOST, picture);
    expect(fake.model.uploads).toEqual([{ type: 'image/png', size: 3 }]);
    expect(await homeserver.profile(GHOST)).toEqual({ displayName: 'Cleo', avatarUrl: picture });
  });

  it('finds, makes and joins rooms', async () => {
    expect(await homeserver.resolveAlias('#there:hs.test')).toBeNull();
    const id = await homeserver.createRoom('there');
    expect(await homeserver.resolveAlias('#there:hs.test')).toBe(id);
    await homeserver.register('_plexichat_7');
    expect(await homeserver.join('#there:hs.test', GHOST)).toBe(id);
    await homeserver.setDisplayName(GHOST, 'Cleo');
    const members = await homeserver.joinedMembers(id);
    expect(members.get(GHOST)).toEqual({ displayName: 'Cleo', avatarUrl: null });
    expect([...members.keys()]).toEqual(['@plexibridge:hs.test', GHOST]);
  });

  it('invites', async () => {
    const id = fake.model.addRoom(null, false, ['@plexibridge:hs.test']);
    await homeserver.register('_plexichat_7');
    expect(await faultOf(homeserver.join(id, GHOST))).toMatchObject({ kind: 'forbidden' });
    await homeserver.invite(id, GHOST);
    await expect(homeserver.join(id, GHOST)).resolves.toBe(id);
  });

  it('pings by the id of the registration', async () => {
    expect(await homeserver.ping('plexi', 'txn')).toBe(1);
    const path = '/_matrix/client/v1/appservice/plexi/ping';
    expect(fake.seen.at(-1)).toMatchObject({ method: 'POST', path, body: { transaction_id: 'txn' } });
  });
});

describe('every fault is one of a closed list', () => {
  it.each([
    ['reset', { kind: 'unavailable', reason: 'reset', status: null }],
    ['slow', { kind: 'unavailable', reason: 'timeout' }],
    ['half_open', { kind: 'unavailable', reason: 'timeout' }],
    ['rate_limited', { kind: 'rate_limited', errcode: 'M_LIMIT_EXCEEDED', retryAfterMs: 5000 }],
    ['proxy_limited', { kind: 'rate_limited', errcode: null, retryAfterMs: 5000 }],
    ['error', { kind: 'unavailable', status: 500, reason: 'it answers 500' }],
    ['garbage', { kind: 'garbage', status: 200 }],
    ['unknown_token', { kind: 'unknown_token', status: 401 }],
    ['forbidden', { kind: 'forbidden', status: 403 }],
  ] as const)('%s', async (kind, expected) => {
    using _ = fake.fail(kind);
    expect(await faultOf(homeserver.whoami())).toMatchObject(expected);
  });

  it('refused', async () => {
    await fake.stop();
    expect(await faultOf(homeserver.whoami())).toMatchObject({ kind: 'unavailable', reason: 'refused' });
  });

  it.each([
    ['a page', 404, '<html>not found</html>', 'garbage'],
    ['no error code', 400, '{}', 'garbage'],
    ['prose for a code', 400, '{"errcode": "You shall not pass"}', 'garbage'],
    ['a code', 404, '{"errcode": "M_NOT_FOUND"}', 'refused'],
    ['an old word for a bad token', 403, '{"errcode": "M_UNKNOWN_TOKEN"}', 'unknown_token'],
    ['a member of the wrong type', 200, '{"user_id": 17}', 'garbage'],
    ['no object', 200, '[]', 'garbage'],
  ])('%s', async (_name, status, text, kind) => {
    const bytes = Buffer.from(text);
    const stub = { request: () => Promise.resolve({ status, headers: {}, bytes, text }) };
    const deaf = new Homeserver({ outbound: stub, asToken: 'x', clock: fake.clock });
    expect(await faultOf(deaf.whoami())).toMatchObject({ name: 'HomeserverFault', kind });
  });

  it('and tells nothing of what was sent or answered', async () => {
    using _ = fake.fail('unknown_token');
    const state = { presence: 'online', status_msg: 'my secret' };
    const fault = await faultOf(homeserver.putPresence(GHOST, state, { token: 'hers' }));
    expect(JSON.stringify(Object.assign({}, fault, { message: fault.message }))).not.toMatch(
      /secret|hers|as-token|Prose/,
    );
  });

  it('a bug is no fault', async () => {
    const broken = { request: () => Promise.reject(new RangeError('a bug')) };
    const deaf = new Homeserver({ outbound: broken, asToken: 'x', clock: fake.clock });
    await expect(deaf.whoami()).rejects.toThrow(RangeError);
  });
});
