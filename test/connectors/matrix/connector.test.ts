import { once } from 'node:events';
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type {
  MatrixConnectorOptions,
  MatrixConnectorSettings,
} from '../../../src/connectors/matrix/options.ts';
import { MatrixConnector } from '../../../src/connectors/matrix/connector.ts';
import { Outbound } from '../../../src/connectors/outbound.ts';
import type { Person } from '../../../src/presence/identity.ts';
import { MODERN, MODERN_WITH_BUSY } from '../../../src/protocols/matrix/dialect.ts';
import { MATRIX } from '../../../src/protocols/matrix/ids.ts';
import { START } from '../../helpers/clock.ts';
import { failure, ok } from '../../helpers/homeserver-model.ts';
import { quiet, until } from '../../helpers/homeserver.ts';
import type { World } from './world.ts';
import { KEEP_ALIVE, makeWorld, standInOf } from './world.ts';

const CLEO = standInOf('7');
const UNDELIVERED = /^the homeserver does not deliver presence/;

let world: World;
let cleo: Person;
let connector: MatrixConnector;
let logged: string[];
let ups: boolean[];
let backlogs: number[];

function make(
  settings: Partial<MatrixConnectorSettings> = {},
  options: Partial<MatrixConnectorOptions> = {},
): MatrixConnector {
  const log = (level: string) => (_details: object, message: string) =>
    void logged.push(`${level} ${message}`);
  return new MatrixConnector({
    ...world.context,
    settings: {
      receive: true,
      push: true,
      mirror: false,
      keepAliveMs: KEEP_ALIVE,
      putsPerSecond: 20,
      unknownAfterMs: 1_800_000,
      ...settings,
    },
    outbound: world.fake.outbound(),
    registration: { id: 'plexi', asToken: world.fake.asToken, senderLocalpart: 'plexibridge' },
    serverName: 'hs.test',
    directory: world.store,
    fetchAvatar: () => Promise.resolve(null),
    metrics: {
      ...world.context.metrics,
      up: (is) => void ups.push(is),
      backlog: (size) => void backlogs.push(size),
    },
    logger: { info: log('info'), warn: log('warn'), error: log('error') },
    ...options,
  });
}

async function start(settings: Partial<MatrixConnectorSettings> = {}): Promise<void> {
  connector = make(settings);
  connector.start();
  await quiet();
}

const words = (id = CLEO) => world.fake.puts(id).map(({ presence }) => presence);
const looks = () => world.fake.requests(/versions$/).length;

beforeEach(async () => {
  world = makeWorld();
  logged = [];
  ups = [];
  backlogs = [];
  cleo = await world.add('7');
  world.fake.model.users.set(CLEO, {});
});
afterEach(() => connector[Symbol.asyncDispose]());

describe('a homeserver that is there', () => {
  it('is up, and shown who is there', async () => {
    await world.say(cleo, 'online');
    await start();
    expect(connector.health()).toEqual({
      name: 'homeserver',
      state: 'up',
      since: START,
      reason: null,
      backlog: 0,
      warnings: [],
    });
    expect(words()).toEqual(['online']);
    expect(ups).toEqual([true]);
    expect(logged).toEqual([expect.stringMatching(/^info homeserver/)]);
  });

  it('is looked at every 30 s', async () => {
    await start();
    await world.pass(29_500, 29_500);
    expect(looks()).toBe(1);
    await world.pass(500);
    expect(looks()).toBe(2);
    expect(world.fake.requests(/whoami$/)).toHaveLength(2);
  });

  it('is not pushed to where that is off', async () => {
    await start({ push: false });
    await world.say(cleo, 'online');
    expect(words()).toEqual([]);
    expect(connector.health().state).toBe('up');
  });

  it('is spoken to in its own dialect, which may change', async () => {
    await world.say(cleo, 'dnd');
    await start();
    expect(connector.dialect).toBe(MODERN);
    expect(words()).toEqual(['unavailable']);
    world.fake.model.busy = true;
    await world.pass(30_000);
    expect(connector.dialect).toBe(MODERN_WITH_BUSY);
    expect(words()).toContain('org.matrix.msc3026.busy');
  });

  it('has its stand-ins in the room', async () => {
    world.fake.model.users.delete(CLEO);
    await start({ room: '#there:hs.test' });
    await world.say(cleo, 'online');
    const [room] = world.fake.model.rooms.values();
    expect(room).toMatchObject({ alias: '#there:hs.test', joined: new Set(['@plexibridge:hs.test', CLEO]) });
  });

  it('is told of a failed set-up in its health', async () => {
    world.fake.model.users.delete(CLEO);
    world.fake.fail('forbidden', { path: /register/ });
    await start();
    await world.say(cleo, 'online');
    expect(connector.health().warnings).toEqual(['stand-ins cannot be set up: it answers 403 (M_FORBIDDEN)']);
  });

  it('is said to be overcharged where more are there than can be kept alive', async () => {
    await start({ putsPerSecond: 0.08 });
    await world.say(cleo, 'online');
    await world.say(await world.add('8'), 'online');
    expect(connector.health().warnings).toEqual([]);
    await world.say(await world.add('9'), 'online');
    expect(connector.health().warnings).toEqual([expect.stringMatching(/^stand-ins will flap/)]);
  });

  it('keeps to the budget', async () => {
    const people = await Promise.all(Array.from({ length: 9 }, (_, i) => world.add(`20${i}`)));
    for (let i = 0; i < 9; i++) world.fake.model.users.set(standInOf(`20${i}`), {});
    for (const person of people) await world.say(person, 'online');
    await start({ putsPerSecond: 2.5 });
    expect(world.fake.requests(/^PUT/)).toHaveLength(2);
    expect(connector.health().backlog).toBe(7);
    expect(backlogs).toContain(7);
    await world.pass(1000, 100);
    expect(world.fake.requests(/^PUT/)).toHaveLength(4);
    await world.pass(3000, 100);
    expect(backlogs.at(-1)).toBe(0);
  });
});

describe('a homeserver that goes down', () => {
  it('is looked at ever more seldom, and written to once it is back, the newest only', async () => {
    await start();
    await world.say(cleo, 'online');
    await world.pass(5000);
    const fault = world.fake.fail('refused');
    await world.say(cleo, 'idle');
    expect(world.outcomes).toEqual(['written', 'failed']);
    const [written, looked] = [words().length, looks()];
    for (const text of ['a', 'b', 'newest']) await world.say(cleo, 'online', text);
    await world.pass(120_000, 5000);
    expect(looks() - looked).toBeGreaterThanOrEqual(3);
    expect(looks() - looked).toBeLessThan(20);
    expect([words().length, connector.health().backlog]).toEqual([written, 1]);
    fault[Symbol.dispose]();
    await world.pass(60_000, 2500);
    expect(world.fake.puts(CLEO)[written]).toEqual({ presence: 'online', status_msg: 'newest' });
    expect(ups).toEqual([true, false, true]);
  });

  it('keeps being believed while it is up, and is let go of when it is not', async () => {
    const ben = (await world.person([{ network: MATRIX, id: '@ben:hs.test' }])).person;
    await start();
    await world.presence.report(ben.id, {
      network: MATRIX,
      dialect: MODERN,
      mode: 'online',
      own: false,
      activeAt: null,
      endsAt: connector.leases.endsAt(),
    });
    const shown = async () => (await world.presence.look(ben.id)).shown.mode;
    await world.pass(3_600_000, 30_000);
    expect(await shown()).toBe('online');
    world.fake.fail('refused');
    await world.pass(1_800_000, 30_000);
    expect(await shown()).toBe('online');
    await world.pass(1_800_000, 30_000);
    expect(await shown()).toBe('offline');
  });

  it('that limits the rate of looks is not down', async () => {
    await start();
    world.fake.fail('rate_limited', { path: /versions/, times: 1 });
    await world.pass(30_000);
    expect(looks()).toBe(2);
    expect(connector.health().state).toBe('up');
  });

  it('is looked at once it sends something', async () => {
    const fault = world.fake.fail('refused');
    await start();
    await world.pass(300_000, 15_000);
    fault[Symbol.dispose]();
    const before = looks();
    connector.received({ ephemeral: false });
    await world.pass(1000);
    expect(looks()).toBe(before + 1);
    expect(connector.health().state).toBe('up');
  });
});

describe('a homeserver that does not accept the bridge', () => {
  it('is refused, said plainly, and asked seldom', async () => {
    const fault = world.fake.fail('unknown_token');
    await start();
    const reason = 'it does not know the as_token of the registration';
    expect(connector.health()).toMatchObject({ state: 'refused', reason });
    expect(logged).toEqual([expect.stringMatching(/^error homeserver/)]);
    connector.received({ ephemeral: false });
    await world.pass(299_000, 13_000);
    expect(looks()).toBe(1);
    fault[Symbol.dispose]();
    await world.pass(1000);
    expect(connector.health().state).toBe('up');
  });

  it('is refused where the token is that of another registration', async () => {
    world.fake.model.sender = '@other:hs.test';
    await start();
    expect(connector.health()).toMatchObject({ state: 'refused', reason: expect.stringContaining('sender') });
  });

  it('is noticed by a push', async () => {
    await start();
    world.fake.fail('unknown_token');
    await world.pass(2000);
    await world.say(cleo, 'online');
    expect(connector.health().state).toBe('refused');
  });
});

describe('presence that is not delivered', () => {
  async function pushFor(ms: number, changes: number): Promise<void> {
    for (let i = 0; i < changes; i++) {
      await world.say(cleo, i % 2 === 0 ? 'online' : 'idle');
      await world.pass(ms / changes, 1000);
    }
  }

  it('is said after two minutes, once, and taken back with the first delivery', async () => {
    await start();
    await pushFor(119_000, 3);
    expect(connector.health().warnings).toEqual([]);
    connector.received({ ephemeral: false });
    await world.pass(1000);
    expect(connector.health().warnings).toEqual([expect.stringMatching(UNDELIVERED)]);
    await pushFor(60_000, 3);
    expect(logged.filter((line) => UNDELIVERED.test(line.slice(5)))).toHaveLength(1);
    connector.received({ ephemeral: true });
    expect(connector.health().warnings).toEqual([]);
  });

  it('is not said where it was delivered once', async () => {
    await start();
    connector.received({ ephemeral: true });
    await pushFor(180_000, 4);
    expect(connector.health().warnings).toEqual([]);
  });

  it('is not said after two changes: keeping alive is nothing that homeservers pass on', async () => {
    await start();
    await pushFor(240_000, 2);
    expect(connector.health().warnings).toEqual([]);
    await world.say(cleo, 'dnd', 'third');
    expect(connector.health().warnings).toHaveLength(1);
  });

  it('is not said where nothing is to be received', async () => {
    await start({ receive: false });
    await pushFor(180_000, 4);
    expect(connector.health().warnings).toEqual([]);
  });
});

describe('whether the homeserver reaches the bridge', () => {
  it('is asked when it comes up', async () => {
    await start();
    expect(world.fake.requests(/ping$/).map(({ path }) => path)).toEqual([
      '/_matrix/client/v1/appservice/plexi/ping',
    ]);
    await world.pass(60_000, 2500);
    expect(world.fake.requests(/ping$/)).toHaveLength(1);
  });

  it('is not asked where it does not know how', async () => {
    world.fake.model.versions = ['v1.6'];
    await start();
    expect(world.fake.requests(/ping$/)).toEqual([]);
  });

  it('is said while it does not, and asked again', async () => {
    world.fake.model.pingAnswer = failure(502, 'M_CONNECTION_FAILED');
    await start();
    const warning = expect.stringContaining('cannot reach the bridge');
    expect(connector.health()).toMatchObject({ state: 'up', warnings: [warning] });
    world.fake.model.pingAnswer = ok({ duration_ms: 3 });
    await world.pass(30_000);
    expect(connector.health().warnings).toEqual([]);
    expect(logged.filter((line) => line.includes('cannot reach the bridge'))).toHaveLength(1);
  });

  it('is known by a transaction, too', async () => {
    world.fake.model.pingAnswer = failure(504, 'M_CONNECTION_TIMEOUT');
    await start();
    connector.received({ ephemeral: false });
    expect(connector.health().warnings).toEqual([]);
  });

  it('is not judged by errors about anything else', async () => {
    world.fake.model.pingAnswer = failure(404, 'M_UNRECOGNIZED');
    await start();
    expect(connector.health().warnings).toEqual([]);
  });
});

describe('a stand-in that the homeserver asks for', () => {
  beforeEach(() => start());

  it('is made', async () => {
    await world.add('8');
    expect(await connector.provideStandIn(standInOf('8'))).toBe(true);
    expect(world.fake.model.users.get(standInOf('8'))).toEqual({ displayname: 'P8' });
  });

  it.each([
    ['nobody', standInOf('404')],
    ['somebody with an account there', standInOf('9')],
    ['somebody whom not everyone may see', standInOf('10')],
  ])('is not made for %s', async (_who, id) => {
    await world.addLinked('9', '@nine:hs.test');
    await world.add('10', { visibility: 'contacts' });
    const before = world.fake.seen.length;
    expect(await connector.provideStandIn(id)).toBe(false);
    expect(world.fake.seen).toHaveLength(before);
  });
});

describe('mirroring', () => {
  it('is off unless it is wanted', async () => {
    const ann = await world.addLinked('1', '@ann:hs.test');
    world.fake.model.addUser('ann', 'hers');
    await start();
    connector.mirror.verified('@ann:hs.test', 'hers');
    await world.say(ann, 'online');
    expect(words('@ann:hs.test')).toEqual([]);
    expect(await connector.mirror.echoes('@ann:hs.test', 'online', null)).toBe(false);
  });

  it('shows linked people by their own tokens', async () => {
    const ann = await world.addLinked('1', '@ann:hs.test');
    world.fake.model.addUser('ann', 'hers');
    await start({ mirror: true });
    connector.mirror.verified('@ann:hs.test', 'hers');
    await world.say(ann, 'online');
    expect(words('@ann:hs.test')).toEqual(['online']);
    expect(await connector.mirror.echoes('@ann:hs.test', 'online', null)).toBe(true);
  });
});

describe('over sockets', () => {
  it('survives a restart of the homeserver, which delivers to the bridge meanwhile', async () => {
    const bodies: any[] = [];
    const bridge = createServer((request, response) => {
      void (async () => {
        bodies.push(await json(request));
        response.end('{}');
      })();
    });
    bridge.listen(0, '127.0.0.1');
    await once(bridge, 'listening');
    const address = bridge.address();
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;

    const baseUrl = await world.fake.listen();
    const limits = { timeoutMs: 1000, maxBodyBytes: 100_000, connections: 4, userAgent: 'test' };
    await using outbound = new Outbound({ baseUrl, ...limits });
    connector = make({}, { outbound });
    connector.start();
    await until(() => connector.health().state === 'up');
    await world.say(cleo, 'online');
    await until(() => words().length === 1);
    expect(await world.fake.deliver(url, [world.fake.model.event(CLEO)])).toBe(200);
    expect(bodies).toMatchObject([
      { events: [], ephemeral: [{ sender: CLEO, content: { presence: 'online' } }] },
    ]);

    await world.fake.stop();
    world.clock.advance(5000);
    await world.say(cleo, 'idle');
    await until(() => connector.health().state === 'down');
    expect(connector.health().reason).toBe('refused');
    await world.fake.listen();
    world.clock.advance(60_000);
    await until(() => words().length === 2);
    expect(words()).toEqual(['online', 'unavailable']);
    await world.fake.stop();
    bridge.closeAllConnections();
    bridge.close();
  });
});
