import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OpenHomeserverOptions } from '../../../src/connectors/matrix/open.ts';
import { openHomeserver } from '../../../src/connectors/matrix/open.ts';
import { writeRegistration } from '../../../src/connectors/matrix/registration-file.ts';
import { BridgeError } from '../../../src/presence/errors.ts';
import { MODERN } from '../../../src/protocols/matrix/dialect.ts';
import { MATRIX } from '../../../src/protocols/matrix/ids.ts';
import { MemoryStore } from '../../../src/stores/memory/memory-store.ts';
import type { FailingStore } from '../../helpers/bent-store.ts';
import { failOnDemand } from '../../helpers/bent-store.ts';
import type { TestBridge } from '../../helpers/bridge.ts';
import { countingSecrets, makeBridge } from '../../helpers/bridge.ts';
import { FakeHomeserver, quiet, until } from '../../helpers/homeserver.ts';
import { silentLogger } from '../../helpers/logger.ts';
import { presence, transaction } from './receiving.ts';
import { matrix, peer, standInOf } from './world.ts';

const ANN = '@ann:hs.test';
const BEN = '@ben:hs.test';
const GONE = '@gone:hs.test';
const BOT = '@plexibridge:hs.test';
const TERMS = { serverName: 'hs.test', standInTemplate: '@_plexichat_{id}:{server_name}' };
const STATUS = /presence\/[^/]+\/status$/;

let folder: string;
let failing: FailingStore;
let bridge: TestBridge;
let fake: FakeHomeserver;
let requests: string[];
let outcomes: string[];
let problems: string[];
let opened: ReturnType<typeof open>;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'plexibridge-open-'));
  failing = failOnDemand(new MemoryStore(), new BridgeError('store_unavailable'));
  bridge = makeBridge({ networks: [peer, matrix], store: failing.store });
  fake = new FakeHomeserver({
    clock: bridge.clock,
    asToken: countingSecrets().hash('as'),
    hsToken: countingSecrets().hash('hs'),
  });
  fake.model.lastsMs = Infinity;
  fake.model.addRoom('#there:hs.test', true, [ANN, BEN, GONE, standInOf('7'), '@far:else.test']);
  requests = [];
  outcomes = [];
  problems = [];
});

afterEach(async () => {
  await opened.close();
  await fake[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

/** The homeserver's side of a bridge, on a clock that stands still. */
function open(url: string, settings: Partial<OpenHomeserverOptions['settings']> = {}) {
  const registration = join(folder, 'registration.yaml');
  const { asToken, hsToken } = fake;
  const known = { id: 'plexi', url: 'http://127.0.0.1:1', asToken, hsToken, senderLocalpart: 'plexibridge' };
  writeRegistration(registration, known, { ...TERMS, room: '#there:hs.test' }, false);
  const nothing = () => undefined;
  const homeserver = openHomeserver({
    ...TERMS,
    clock: bridge.clock,
    secrets: countingSecrets(),
    random: () => 0,
    logger: silentLogger,
    report: (problem) => void problems.push(problem),
    version: 'test',
    metrics: {
      request: (outcome) => void requests.push(outcome),
      pushed: nothing,
      received: (outcome) => void outcomes.push(outcome),
      event: nothing,
      up: nothing,
      backlog: nothing,
    },
    settings: {
      url,
      registration,
      receive: true,
      push: false,
      room: '#there:hs.test',
      remote_users: false,
      keep_alive: 25_000,
      puts_per_second: 20,
      reads_per_second: 100,
      mirror: false,
      verify_tokens: false,
      token_cache: 300_000,
      unknown_after: 1_800_000,
      timeout: 5000,
      ...settings,
    },
  });
  const core = { ...bridge, directory: bridge.store };
  return { ...homeserver, ...homeserver.connect(core, matrix, () => Promise.resolve(null)) };
}

async function start(settings: Partial<OpenHomeserverOptions['settings']> = {}): Promise<void> {
  opened = open(await fake.listen(), settings);
  opened.connector.start();
  await until(() => opened.connector.health().state === 'up');
}

/** Somebody of whom the homeserver said, before the bridge was started again, that she was there. */
async function believe(id: string): Promise<void> {
  const { person } = await bridge.person([{ network: MATRIX, id }]);
  const endsAt = bridge.clock.now() + 1_800_000;
  const said = {
    network: MATRIX,
    dialect: MODERN,
    mode: 'online',
    own: false,
    activeAt: null,
    endsAt,
  } as const;
  await bridge.presence.report(person.id, said);
}

async function shown(id: string): Promise<string | null> {
  const person = await bridge.people.find({ network: MATRIX, id });
  return person && (await bridge.presence.look(person.id)).shown.mode;
}

/** Whose presence was read, in order. */
const read = () => fake.requests(STATUS).map(({ path }) => path.split('/')[5]);

describe('a bridge that was away', () => {
  it('reads how everybody is, those who were there before all others', async () => {
    await believe(BEN);
    fake.model.say(ANN, { presence: 'unavailable', status_msg: 'tea' });
    bridge.clock.advance(5000);
    await start();
    await until(() => outcomes.length === 3);
    expect(read()).toEqual([BEN, ANN, GONE]);
    expect(fake.requests(STATUS)).toEqual(
      Array.from({ length: 3 }, () =>
        expect.objectContaining({ method: 'GET', as: null, token: fake.asToken }),
      ),
    );
    expect([await shown(BEN), await shown(ANN), await shown(GONE)]).toEqual(['offline', 'idle', null]);
    const ann = await bridge.people.find({ network: MATRIX, id: ANN });
    const { status, lastActivity } = (await bridge.presence.look(ann?.id ?? expect.unreachable())).shown;
    expect([status?.text, lastActivity]).toEqual(['tea', bridge.clock.now() - 5000]);
    expect(outcomes.sort()).toEqual(['applied', 'applied', 'unknown']);
  });

  it('reads whoever has an account where there is no room, and learns nothing of whom it may not see', async () => {
    await believe(BEN);
    await bridge.person([{ network: MATRIX, id: ANN }]);
    await bridge.person([{ network: MATRIX, id: '@far:else.test' }]);
    await bridge.person([{ network: peer.name, id: '7' }]);
    await start({ room: undefined });
    await until(() => read().length === 2);
    expect(read()).toEqual([BEN, ANN]);
    await opened.close();
    expect([await shown(BEN), outcomes]).toEqual(['online', []]);
  });

  it('reads many', async () => {
    for (let each = 0; each < 205; each++)
      await bridge.person([{ network: MATRIX, id: `@u${each}:hs.test` }]);
    await start({ room: undefined, reads_per_second: 1000 });
    await until(() => read().length === 205);
    expect(new Set(read()).size).toBe(205);
  });

  it('counts states that nobody knows', async () => {
    fake.model.say(ANN, { presence: 'dancing' });
    await start();
    await until(() => outcomes.length === 3);
    expect(outcomes.sort()).toEqual(['ignored', 'unknown', 'unknown']);
  });

  it('reads whoever has an account where the room is not to be had', async () => {
    await believe(BEN);
    await bridge.person([{ network: MATRIX, id: ANN }]);
    using refusal = fake.fail('forbidden', { path: /join/ });
    await start();
    await until(() => read().length === 2);
    expect([read(), refusal.hits]).toEqual([[BEN, ANN], 1]);
  });

  it('reads users of other homeservers, too, where the settings say so', async () => {
    await start({ remote_users: true });
    await until(() => read().length === 4);
    expect(read()).toContain('@far:else.test');
    expect(read()).not.toContain(BOT);
  });

  it('reads nothing where nothing is to be received', async () => {
    await believe(BEN);
    await start({ receive: false });
    await opened.receiver.receive('1', transaction(presence(ANN, 'online')));
    await until(() => {
      bridge.clock.advance(1000);
      return fake.requests(/whoami$/).length > 10;
    });
    expect([read(), await shown(BEN)]).toEqual([[], 'online']);
  });

  it('reads two at a time', async () => {
    const slow = fake.fail('slow', { path: STATUS });
    await start();
    await until(() => read().length === 2);
    await quiet();
    expect(read()).toHaveLength(2);
    slow[Symbol.dispose]();
    await until(() => outcomes.length === 3);
  });

  it('ends at once while it reads', async () => {
    using _ = fake.fail('slow', { path: STATUS });
    await start();
    await until(() => read().length === 2);
    await opened.close();
    await quiet();
    const before = requests.length;
    for (let each = 0; each < 5; each++) {
      bridge.clock.advance(60_000);
      await quiet();
    }
    expect([requests.length, outcomes, problems]).toEqual([before, [], []]);
  });
});

describe('a homeserver that comes back', () => {
  it('was not read while it was away', async () => {
    await start({ reads_per_second: 0.001 });
    await until(() => outcomes.length === 1);
    const fault = fake.fail('error', { path: /versions$/ });
    bridge.clock.advance(30_000);
    await until(() => opened.connector.health().state === 'down');
    for (let each = 0; each < 50; each++) {
      bridge.clock.advance(60_000);
      await quiet();
    }
    expect(read()).toHaveLength(1);
    fault[Symbol.dispose]();
    bridge.clock.advance(60_000);
    await until(() => read().length === 2);
  });

  it('is read anew', async () => {
    await start();
    await until(() => outcomes.length === 3);
    await fake.stop();
    bridge.clock.advance(30_000);
    await until(() => opened.connector.health().state === 'down');
    fake.model.say(ANN, { presence: 'online' });
    await fake.listen();
    bridge.clock.advance(60_000);
    await until(() => outcomes.length === 6);
    expect(await shown(ANN)).toBe('online');
  });

  it('is looked at when it cannot be read', async () => {
    await start();
    await until(() => outcomes.length === 3);
    fake.fail('error', { path: /status$|versions$/ });
    bridge.clock.advance(1000);
    await opened.receiver.receive('1', transaction());
    await until(() => opened.connector.health().state === 'down');
  });
});

describe('a transaction', () => {
  it('is newer than what is being read', async () => {
    const slow = fake.fail('slow', { path: /ann/, times: 1 });
    fake.model.say(ANN, { presence: 'online' });
    await start();
    await until(() => slow.hits === 1);
    await opened.receiver.receive('1', transaction(presence(ANN, 'unavailable')));
    fake.fail('forbidden', { path: /ann/ });
    slow[Symbol.dispose]();
    await until(() => read().length === 6);
    await opened.close();
    expect([await shown(ANN), outcomes.filter((outcome) => outcome === 'applied')]).toEqual([
      'idle',
      ['applied'],
    ]);
  });

  it('that could not be carried out is made up for', async () => {
    await start();
    await until(() => outcomes.length === 3);
    await opened.receiver.receive('1', transaction(presence(ANN, 'unavailable')));
    await until(() => outcomes.length === 3 + 1 + 2);
    fake.model.say(BEN, { presence: 'online' });
    failing.broken = true;
    const refused = opened.receiver.receive('2', transaction(presence(ANN, 'online')));
    await expect(refused).rejects.toMatchObject({ code: 'store_unavailable' });
    await until(() => problems.length === 1);
    failing.broken = false;
    bridge.clock.advance(2000);
    await until(() => read().length >= 9);
    await expect.poll(() => shown(BEN)).toBe('online');
  });
});

describe('a stand-in that the homeserver asks for', () => {
  it('is one that it has to wait for where it does not do its part', async () => {
    await bridge.person([{ network: peer.name, id: '7' }]);
    await start();
    const fault = fake.fail('rate_limited', { path: /register/, retryAfterMs: 7000 });
    await expect(opened.provideStandIn(standInOf('7'))).rejects.toMatchObject({
      name: 'BridgeError',
      code: 'upstream_unavailable',
      retryAfterMs: 7000,
      cause: { name: 'HomeserverFault' },
    });
    fault[Symbol.dispose]();
  });
});
