import { openServer } from '../../../src/connectors/plexichat/open.ts';
import { PLEXICHAT, plexichatNetwork } from '../../../src/protocols/plexichat/ids.ts';
import { makeBridge } from '../../helpers/bridge.ts';
import { startPlexichatServer } from '../../helpers/plexichat-server/server.ts';
import { other, otherDialect, SETTINGS } from '../plexichat/world.ts';
import { FaultyWire } from './faulty-wire.ts';
import type { FaultSide } from './side.ts';
import { observed, pass, settle, SkewedClock, TIMELESS } from './side.ts';

export interface ServerSideOptions {
  readonly skewMs: number;
  /** Whether the bridge follows the server, by the gateway. */
  readonly follows: boolean;
  /** Whether the gateway forgets to tell what is said there during the fault. */
  readonly forgets: boolean;
}

/** A Plexichat server on which Ben is, and Ann, who is linked, gave her token and speaks elsewhere. */
export async function serverSide({ skewMs, follows, forgets }: ServerSideOptions): Promise<FaultSide> {
  const bridge = makeBridge({ networks: [plexichatNetwork, other], rules: TIMELESS });
  const { clock, presence, people } = bridge;
  const server = await startPlexichatServer({
    clock: new SkewedClock(clock, skewMs),
    timestamps: skewMs < 0 ? 's' : 'ms',
  });
  const own = server.addUser({ username: 'bridge' });
  const ann = server.addUser({ username: 'ann' });
  const ben = server.addUser({ username: 'ben' });
  server.befriend(own.id, ben.id);
  server.userWrites(ben.id, { status: 'online' });
  const wire = await FaultyWire.to(server.url);
  const { log, problems, surroundings, readings } = observed(clock, PLEXICHAT);
  const opened = openServer({
    ...surroundings,
    settings: {
      ...SETTINGS,
      url: wire.url,
      token: own.token,
      receive: follows,
      reconcile_every: 30_000,
      verify_tokens: false,
      token_cache: 300_000,
      timeout: 400,
    },
  });
  const { connector, serverTokens } = opened.connect(
    { ...bridge, directory: bridge.store },
    plexichatNetwork,
  );
  const accounts = [
    { network: PLEXICHAT, id: ann.id },
    { network: other.name, id: '@ann' },
  ];
  const linked = (await bridge.person(accounts)).person;
  const says = (mode: 'online' | 'dnd') =>
    presence.write(linked.id, { dialect: otherDialect, mode, status: { kind: 'keep' } });
  const benShown = async () => {
    const person = await people.find({ network: PLEXICHAT, id: ben.id });
    return person && (await presence.look(person.id)).shown;
  };
  await serverTokens.give(linked, ann.token);
  await says('online');
  let words = ['online', 'online'];
  let spokeAt = clock.now();

  /** Whose token it is that the requests carry: the bridge's own, or hers where it has none. */
  const token = follows ? own.token : ann.token;
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
      server.revoke(token);
      return Promise.resolve(async () => {
        server.reinstate(token);
        // Whoever's token was forgotten gives it again.
        if (!follows) await serverTokens.give(linked, token);
      });
    },
    restart: async () => {
      const stopped = follows ? null : await wire.begin('refused');
      const back = server.sockets.restart(5000);
      return async () => {
        await stopped?.();
        clock.advance(5000);
        await back;
      };
    },
    speakHere: async () => {
      await says('dnd');
      words = ['dnd', words[1] ?? ''];
    },
    speakThere: async () => {
      await pass({ clock, wire }, 20_000);
      if (forgets) server.gatewayFaults.dropEvents(1);
      spokeAt = clock.now();
      server.userWrites(ben.id, { status: 'idle' });
      words = [words[0] ?? '', 'idle'];
    },
    showsBefore: async () => !follows || (await benShown())?.mode === 'online',
    agrees: async () => {
      const [here, there] = words;
      return server.status(ann.id).status === here && (!follows || (await benShown())?.mode === there);
    },
    knowsWhen: async () => {
      const at = (await benShown())?.lastActivity ?? null;
      return !follows || (at !== null && at >= spokeAt && at <= clock.now());
    },
    async [Symbol.asyncDispose]() {
      await settle({ wire });
      await opened.close();
      await wire[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      presence[Symbol.dispose]();
    },
  };
}
