import { beforeEach, describe, expect, it } from 'vitest';
import { Homeserver } from '../../../src/connectors/matrix/homeserver.ts';
import { Room } from '../../../src/connectors/matrix/room.ts';
import { StandIns } from '../../../src/connectors/matrix/stand-ins.ts';
import { FakeHomeserver } from '../../helpers/homeserver.ts';

const BOT = '@plexibridge:hs.test';
const CLEO = '@_plexichat_7:hs.test';
const ALIAS = '#plexichat:hs.test';
const ONLINE = { presence: 'online' };
const OFFLINE = { presence: 'offline' };
const face = { displayName: 'Cleo', avatarUrl: null as string | null };

let fake: FakeHomeserver;
let fetched: string[];
let warnings: object[];

beforeEach(() => {
  fake = new FakeHomeserver();
  fetched = [];
  warnings = [];
});

/** As after a start of the bridge. */
function makeStandIns(room: string | null = ALIAS): StandIns {
  const { clock } = fake;
  const homeserver = new Homeserver({ outbound: fake.outbound(), asToken: fake.asToken, clock });
  const names = { serverName: 'hs.test', senderLocalpart: 'plexibridge' };
  return new StandIns({
    homeserver,
    room: room === null ? null : new Room({ homeserver, room, ...names, clock }),
    fetchAvatar: (url) => {
      fetched.push(url);
      const known = url.startsWith('https://cdn.test/');
      return Promise.resolve(known ? { bytes: new Uint8Array(5), type: 'image/png' } : null);
    },
    clock,
    remembered: 100,
    logger: { warn: (details) => warnings.push(details) },
  });
}

function profileWrites(): string[] {
  return fake
    .requests(/^PUT .*\/profile\//)
    .map(({ path, body }) => `${path.split('/').at(-1)} ${Object.values(body).join()}`);
}

function joinsOf(id: string): number {
  return fake.requests(/^POST .*\/join\//).filter(({ as }) => as === id).length;
}

function room(id = fake.model.rooms.keys().next().value ?? '') {
  return fake.model.rooms.get(id)!;
}

describe('a stand-in who is missing', () => {
  it('is registered, named, brought into the room and shown', async () => {
    await makeStandIns().put(CLEO, face, ONLINE);
    expect(fake.model.users.get(CLEO)).toEqual({ displayname: 'Cleo' });
    expect(room().alias).toBe(ALIAS);
    expect([...room().joined]).toEqual([BOT, CLEO]);
    expect(fake.model.presenceOf(CLEO).presence).toBe('online');
  });

  it('is not made only to say that she is gone', async () => {
    await makeStandIns().put(CLEO, face, OFFLINE);
    expect(fake.seen).toHaveLength(1);
    expect(fake.model.users.has(CLEO)).toBe(false);
  });

  it('is set up once, however many ask', async () => {
    const standIns = makeStandIns();
    await Promise.all([
      standIns.put(CLEO, face, ONLINE),
      standIns.ensure(CLEO, face),
      standIns.ensure(CLEO, face),
      standIns.put(CLEO, face, ONLINE),
    ]);
    const registered = fake.requests(/\/register$/).filter(({ body }) => body.username === '_plexichat_7');
    expect(registered).toHaveLength(1);
    expect(profileWrites()).toEqual(['displayname Cleo']);
    expect(joinsOf(CLEO)).toBe(1);
  });

  it('is set up again where the homeserver forgot her', async () => {
    const standIns = makeStandIns();
    await standIns.put(CLEO, face, ONLINE);
    fake.model.users.delete(CLEO);
    await standIns.put(CLEO, face, ONLINE);
    expect(fake.model.users.get(CLEO)).toEqual({ displayname: 'Cleo' });
  });

  it('needs no room where none is configured', async () => {
    await makeStandIns(null).put(CLEO, face, ONLINE);
    expect(fake.requests(/join|room/)).toEqual([]);
    expect(fake.model.presenceOf(CLEO).presence).toBe('online');
  });
});

describe('a stand-in who is there', () => {
  it('costs a restart nothing but the list of the room, once', async () => {
    await makeStandIns().put(CLEO, face, ONLINE);
    fake.seen.length = 0;
    const standIns = makeStandIns();
    for (let turn = 0; turn < 3; turn++) await standIns.put(CLEO, face, ONLINE);
    const others = fake.seen.filter(({ path }) => !path.includes('/presence/'));
    expect(others.map(({ path }) => path.replace(/.*v3/, ''))).toEqual([
      '/register',
      `/directory/room/${ALIAS}`,
      '/join/!room0:hs.test',
      '/rooms/!room0:hs.test/joined_members',
    ]);
    expect(others[0]?.body.username).toBe('plexibridge');
  });

  it('joins a room that was configured later', async () => {
    await makeStandIns(null).put(CLEO, face, ONLINE);
    await makeStandIns().put(CLEO, face, ONLINE);
    expect(room().joined.has(CLEO)).toBe(true);
    expect(profileWrites()).toEqual(['displayname Cleo']);
  });

  it('is renamed once', async () => {
    const standIns = makeStandIns();
    await standIns.put(CLEO, face, ONLINE);
    for (let turn = 0; turn < 3; turn++)
      await standIns.put(CLEO, { ...face, displayName: 'Cleopatra' }, ONLINE);
    expect(profileWrites()).toEqual(['displayname Cleo', 'displayname Cleopatra']);
  });

  it('is renamed after a restart, too', async () => {
    await makeStandIns().put(CLEO, face, ONLINE);
    await makeStandIns().put(CLEO, { ...face, displayName: 'Cleopatra' }, ONLINE);
    expect(fake.model.users.get(CLEO)?.displayname).toBe('Cleopatra');
  });

  it('is left as she is where the list of the room cannot be had', async () => {
    await makeStandIns().put(CLEO, face, ONLINE);
    fake.seen.length = 0;
    using _ = fake.fail('error', { path: /joined_members/ });
    const standIns = makeStandIns();
    await standIns.put(CLEO, face, ONLINE);
    await standIns.put(CLEO, face, ONLINE);
    expect(joinsOf(CLEO)).toBe(0);
    expect(fake.requests(/joined_members/)).toHaveLength(1);
    await standIns.put(CLEO, { ...face, displayName: 'Cleopatra' }, ONLINE);
    expect(profileWrites()).toEqual(['displayname Cleopatra']);
  });
});

describe('her picture', () => {
  const url = 'https://cdn.test/cleo.png';

  it('is used as it is where it is an mxc URI', async () => {
    const standIns = makeStandIns();
    await standIns.put(CLEO, { ...face, avatarUrl: 'mxc://hs.test/a' }, ONLINE);
    await standIns.put(CLEO, { ...face, avatarUrl: 'mxc://hs.test/b' }, ONLINE);
    await makeStandIns().put(CLEO, { ...face, avatarUrl: 'mxc://hs.test/c' }, ONLINE);
    expect(fetched).toEqual([]);
    expect(profileWrites().slice(1)).toEqual(['a', 'b', 'c'].map((x) => `avatar_url mxc://hs.test/${x}`));
  });

  it('is uploaded once, restarts included', async () => {
    const standIns = makeStandIns();
    await standIns.put(CLEO, { ...face, avatarUrl: url }, ONLINE);
    await standIns.put(CLEO, { ...face, avatarUrl: url }, ONLINE);
    await makeStandIns().put(CLEO, { ...face, avatarUrl: url }, ONLINE);
    expect(fetched).toEqual([url]);
    expect(profileWrites()).toEqual(['displayname Cleo', 'avatar_url mxc://hs.test/upload1']);
  });

  it('is uploaded anew when it is another one', async () => {
    await makeStandIns().put(CLEO, { ...face, avatarUrl: url }, ONLINE);
    const standIns = makeStandIns();
    await standIns.put(CLEO, { ...face, avatarUrl: url }, ONLINE);
    await standIns.put(CLEO, { ...face, avatarUrl: `${url}?2` }, ONLINE);
    expect(fetched).toEqual([url, `${url}?2`]);
    expect(fake.model.users.get(CLEO)?.avatar_url).toBe('mxc://hs.test/upload2');
  });

  it('is done without where it cannot be had', async () => {
    const standIns = makeStandIns();
    await standIns.put(CLEO, { ...face, avatarUrl: 'https://elsewhere.test/x' }, ONLINE);
    await standIns.put(CLEO, { ...face, avatarUrl: 'https://elsewhere.test/x' }, ONLINE);
    expect(fetched).toHaveLength(1);
    expect(profileWrites()).toEqual(['displayname Cleo']);
    expect(room().joined.has(CLEO)).toBe(true);
  });

  it('is done without where the homeserver does not take it', async () => {
    using _ = fake.fail('forbidden', { path: /upload/ });
    await makeStandIns().put(CLEO, { ...face, avatarUrl: url }, ONLINE);
    expect(fake.model.presenceOf(CLEO).presence).toBe('online');
  });
});

describe('the room', () => {
  it('may be one that the operator made, by its id', async () => {
    const id = fake.model.addRoom(null);
    await makeStandIns(id).put(CLEO, face, ONLINE);
    expect([...room(id).joined]).toEqual([BOT, CLEO]);
    expect(fake.model.rooms.size).toBe(1);
  });

  it('may be named without a domain', async () => {
    await makeStandIns('#plexichat').put(CLEO, face, ONLINE);
    expect(room().alias).toBe(ALIAS);
  });

  it('invites whom it does not let in by themselves', async () => {
    const id = fake.model.addRoom(ALIAS, false, [BOT]);
    await makeStandIns().put(CLEO, face, ONLINE);
    expect([...room(id).joined]).toEqual([BOT, CLEO]);
    expect(fake.requests(/invite$/).map(({ as }) => as)).toEqual([null]);
  });

  it('of another server is not made, and asked for seldom', async () => {
    const standIns = makeStandIns('#plexichat:elsewhere.test');
    for (const id of ['7', '8', '9']) {
      await expect(standIns.put(`@_plexichat_${id}:hs.test`, face, ONLINE)).rejects.toMatchObject({
        kind: 'refused',
      });
    }
    expect(fake.model.rooms.size).toBe(0);
    expect(fake.requests(/directory/)).toHaveLength(1);
    fake.clock.advance(30_000);
    await expect(standIns.put('@_plexichat_6:hs.test', face, ONLINE)).rejects.toMatchObject({
      kind: 'refused',
    });
    expect(fake.requests(/directory/)).toHaveLength(2);
  });
});

describe('a stand-in who cannot be set up', () => {
  it('is left alone for a while, and said once', async () => {
    using _ = fake.fail('forbidden', { path: /register/ });
    const standIns = makeStandIns(null);
    for (let turn = 0; turn < 3; turn++) {
      await expect(standIns.put(CLEO, face, ONLINE)).rejects.toMatchObject({ kind: 'forbidden' });
    }
    expect(fake.requests(/register/)).toHaveLength(1);
    expect(warnings).toEqual([{ reason: 'it answers 403', errcode: 'M_FORBIDDEN' }]);
    expect(standIns.problem).toBe('it answers 403 (M_FORBIDDEN)');
    fake.clock.advance(600_000);
    await expect(standIns.put(CLEO, face, ONLINE)).rejects.toMatchObject({ kind: 'forbidden' });
    expect(fake.requests(/register/)).toHaveLength(2);
  });

  it('is tried again at once where the homeserver was down', async () => {
    const standIns = makeStandIns(null);
    const fault = fake.fail('error', { path: /register/ });
    await expect(standIns.put(CLEO, face, ONLINE)).rejects.toMatchObject({ kind: 'unavailable' });
    fault[Symbol.dispose]();
    await standIns.put(CLEO, face, ONLINE);
    expect(standIns.problem).toBeNull();
    expect(fake.model.presenceOf(CLEO).presence).toBe('online');
  });

  it('keeps the word that was taken where only the room is closed', async () => {
    await makeStandIns(null).put(CLEO, face, ONLINE);
    using _ = fake.fail('forbidden', { path: /join\/|invite/ });
    const standIns = makeStandIns();
    await standIns.put(CLEO, face, ONLINE);
    expect(fake.model.presenceOf(CLEO).presence).toBe('online');
    expect(standIns.problem).toContain('M_FORBIDDEN');
  });
});
