import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openHomeserver } from '../../../src/connectors/matrix/open.ts';
import { writeRegistration } from '../../../src/connectors/matrix/registration-file.ts';
import { MODERN } from '../../../src/protocols/matrix/dialect.ts';
import { MATRIX } from '../../../src/protocols/matrix/ids.ts';
import { countingSecrets, makeBridge, PROFILE } from '../../helpers/bridge.ts';
import { FakeHomeserver } from '../../helpers/homeserver.ts';
import { matrix, peer, standInOf } from '../matrix/world.ts';
import { transaction } from '../matrix/receiving.ts';
import { FaultyWire } from './faulty-wire.ts';
import type { FaultSide } from './side.ts';
import { observed, pass, settle, SkewedClock, TIMELESS } from './side.ts';

const ANN = '@ann:hs.test';
const CLEO = standInOf('7');
const TERMS = { serverName: 'hs.test', standInTemplate: '@_plexichat_{id}:{server_name}' };

/** A homeserver on which Ann is, and beside it a bridge on which Cleo is. */
export async function homeserverSide({ skewMs }: { skewMs: number }): Promise<FaultSide> {
  const bridge = makeBridge({ networks: [peer, matrix], rules: TIMELESS });
  const { clock } = bridge;
  const secrets = countingSecrets();
  const fake = new FakeHomeserver({
    clock: new SkewedClock(clock, skewMs),
    asToken: secrets.hash('as'),
    hsToken: secrets.hash('hs'),
  });
  fake.model.lastsMs = Infinity;
  fake.model.addRoom('#there:hs.test', true, [ANN]);
  const wire = await FaultyWire.to(await fake.listen());
  const folder = await mkdtemp(join(tmpdir(), 'plexibridge-faults-'));
  const registration = join(folder, 'registration.yaml');
  const { asToken, hsToken } = fake;
  const known = { id: 'plexi', url: 'http://127.0.0.1:1', asToken, hsToken, senderLocalpart: 'plexibridge' };
  writeRegistration(registration, known, { ...TERMS, room: '#there:hs.test' }, false);
  const { log, problems, surroundings, readings } = observed(clock, MATRIX);
  const opened = openHomeserver({
    ...TERMS,
    ...surroundings,
    settings: {
      url: wire.url,
      registration,
      receive: true,
      push: true,
      room: '#there:hs.test',
      remote_users: false,
      keep_alive: 25_000,
      puts_per_second: 20,
      reads_per_second: 100,
      mirror: false,
      verify_tokens: false,
      token_cache: 300_000,
      unknown_after: 1_800_000,
      timeout: 400,
    },
  });
  const core = { ...bridge, directory: bridge.store };
  const { connector, receiver } = opened.connect(core, matrix, () => Promise.resolve(null));
  const cleo = (await bridge.person([{ network: peer.name, id: '7' }])).person;
  const says = (mode: 'online' | 'idle') =>
    bridge.presence.write(cleo.id, {
      dialect: { ...MODERN, origin: peer.name },
      mode,
      status: { kind: 'keep' },
    });
  const ann = async () => {
    const person = await bridge.people.find({ network: MATRIX, id: ANN });
    return person && (await bridge.presence.look(person.id)).shown;
  };
  let words = ['online', 'online'];
  let spokeAt = clock.now();

  await says('online');
  fake.model.say(ANN, { presence: 'online' });
  // As a life before would have left it.
  const account = { network: matrix.name, id: ANN };
  const { id: annId } = await bridge.people.create([account], PROFILE);
  await bridge.presence.report(annId, {
    network: matrix.name,
    dialect: MODERN,
    mode: 'online',
    own: false,
    status: { text: null, emoji: null },
    activeAt: clock.now(),
    endsAt: clock.now() + 1.5 * 1_800_000,
  });

  return {
    clock,
    wire,
    log,
    problems,
    start: () => connector.start(),
    stop: () => connector[Symbol.asyncDispose](),
    health: () => connector.health(),
    metrics: readings,
    refuseToken: () => {
      const fault = fake.fail('unknown_token');
      return Promise.resolve(() => {
        fault[Symbol.dispose]();
        return Promise.resolve();
      });
    },
    restart: async () => {
      const back = await wire.begin('refused');
      fake.model.say(CLEO, { presence: 'offline' });
      return back;
    },
    speakHere: async () => {
      await says('idle');
      words = ['unavailable', words[1] ?? ''];
    },
    speakThere: async () => {
      await pass({ clock, wire }, 20_000);
      fake.model.say(ANN, { presence: 'unavailable' });
      spokeAt = clock.now();
      await pass({ clock, wire }, 7000);
      words = [words[0] ?? '', 'idle'];
      // What it could not deliver it does not deliver later; while it is up there is nothing to prevent it.
      if (connector.health().state === 'up') await receiver.receive('1', transaction(fake.model.event(ANN)));
    },
    showsBefore: async () => (await ann())?.mode === 'online',
    agrees: async () => {
      const [here, there] = words;
      return fake.model.presenceOf(CLEO).presence === here && (await ann())?.mode === there;
    },
    knowsWhen: async () => (await ann())?.lastActivity === spokeAt,
    async [Symbol.asyncDispose]() {
      await settle({ wire });
      await opened.close();
      await wire[Symbol.asyncDispose]();
      await fake[Symbol.asyncDispose]();
      bridge.presence[Symbol.dispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
