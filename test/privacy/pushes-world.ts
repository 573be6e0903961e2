import { randomBytes } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { MatrixConnector } from '../../src/connectors/matrix/connector.ts';
import { Reporting } from '../../src/connectors/matrix/reporting.ts';
import type { ConnectorMetrics } from '../../src/connectors/metrics.ts';
import { connectorMetrics } from '../../src/connectors/metrics.ts';
import type { OutboundRequest } from '../../src/connectors/outbound.ts';
import { PlexichatConnector } from '../../src/connectors/plexichat/connector.ts';
import { PlexichatFault } from '../../src/connectors/plexichat/fault.ts';
import type { GatewayEvents } from '../../src/connectors/plexichat/gateway-client.ts';
import { HeldTokens } from '../../src/connectors/plexichat/held-tokens.ts';
import { Sealing } from '../../src/connectors/plexichat/sealing.ts';
import type { ServerApi } from '../../src/connectors/plexichat/server-api.ts';
import { shareability } from '../../src/connectors/shareable.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import type { Clock } from '../../src/presence/clock.ts';
import type { Address, Person, PersonId } from '../../src/presence/identity.ts';
import type { PresenceService } from '../../src/presence/service.ts';
import { updateOf } from '../../src/protocols/matrix/appservice.ts';
import { MATRIX, matrixNetwork } from '../../src/protocols/matrix/ids.ts';
import { PLEXICHAT, plexichatNetwork } from '../../src/protocols/plexichat/ids.ts';
import { makeBridge, RULES } from '../helpers/bridge.ts';
import type { Fault } from '../helpers/homeserver.ts';
import { FakeHomeserver } from '../helpers/homeserver.ts';
import { FakeServer } from '../connectors/plexichat/fake-server.ts';
import { SETTINGS } from '../connectors/plexichat/world.ts';
import type { Deed, Kind, Name, PushesHistory, PushesStep, Trouble } from './pushes-deeds.ts';
import { signalOf, writeOf } from './pushes-deeds.ts';

/** Everything that the real servers, operators, and whoever reads metrics and logs, obtained; between the steps stands the time. */
export interface Obtained {
  readonly homeserver: readonly string[];
  readonly server: readonly string[];
  /** What was last told of Una, as her why page has it. */
  readonly deliveries: readonly string[];
  readonly metrics: readonly string[];
  readonly logs: readonly string[];
}

/** What a build that leaks can lay its hands on. */
export interface Insides {
  readonly clock: Clock;
  readonly una: PersonId;
  readonly presence: PresenceService;
  readonly metrics: ConnectorMetrics;
  readonly log: (line: string) => void;
  readonly homeserver: { request(request: OutboundRequest): Promise<unknown> };
  readonly server: ServerApi;
}

/** The presence that the connectors are given in place of the true one. */
export type PushesLeak = (insides: Insides) => PresenceService;

export const tight: PushesLeak = ({ presence }) => presence;

const HOMESERVER = 'hs.test';
const IDS: Record<Name, { plexichat?: string; matrix?: string }> = {
  una: { plexichat: '175928847299117063', matrix: `@una:${HOMESERVER}` },
  pat: { plexichat: '175928847299117064' },
  liz: { plexichat: '175928847299117065', matrix: `@liz:${HOMESERVER}` },
  max: { matrix: `@max:${HOMESERVER}` },
};
/** Short enough for a history to meet them all. */
const TIMING = { idleAfter: 60_000, claimTtl: 180_000, busyTtl: 240_000 };
const network = matrixNetwork({
  serverName: HOMESERVER,
  standInTemplate: '@_plexichat_{id}:{server_name}',
});

/** Plays one world from a start of the bridge on. */
export async function playPushes(
  world: 'invisible' | 'offline',
  { kind, before, leave, after }: PushesHistory,
  leak: PushesLeak,
): Promise<Obtained> {
  const played = await PushesWorld.make(kind, leak);
  for (const step of before) await played.step(step);
  const { by, saying } = leave;
  const status = world === 'invisible' ? saying : ({ kind: 'keep' } as const);
  await played.step({ kind: 'write', who: 'una', by, mode: world, status });
  for (const { unseen, seen } of after) {
    if (world === 'invisible') for (const deed of unseen) await played.deed(deed);
    await played.mark();
    for (const step of seen) await played.step(step);
  }
  await played.step({ kind: 'wait', ms: 60_000 });
  return played.end();
}

class PushesWorld {
  readonly #bridge = makeBridge({
    networks: [plexichatNetwork, network],
    rules: { ...RULES, timing: TIMING },
  });
  readonly #fake: FakeHomeserver;
  readonly #server: FakeServer;
  readonly #metrics = new Metrics({ process: false });
  readonly #metricsOf = connectorMetrics(this.#metrics);
  readonly #leak: PushesLeak;
  readonly #obtained = {
    homeserver: [] as string[],
    server: [] as string[],
    deliveries: [] as string[],
    metrics: [] as string[],
    logs: [] as string[],
  };
  /** When timers of the bridge fall due, ms since 1970. */
  readonly #due = new Set<{ readonly at: number }>();
  /** Users whose presence the homeserver has taken, of which it tells in turn. */
  readonly #taken = new Set<string>();
  readonly #people = new Map<Name, Person>();
  #fault: Fault | null = null;
  #events: GatewayEvents | null = null;
  #connected = false;
  /** Whether the server takes no writes. */
  #refuses = false;
  #underWay = 0;
  #requests = 0;
  #matrix!: MatrixConnector;
  #plexichat!: PlexichatConnector;
  #held!: HeldTokens;
  #reporting!: Reporting;

  private constructor(leak: PushesLeak) {
    const { clock } = this.#bridge;
    this.#leak = leak;
    const after = clock.after.bind(clock);
    clock.after = (ms, run) => {
      const due = { at: clock.now() + ms };
      this.#due.add(due);
      const timer = after(ms, () => {
        this.#due.delete(due);
        run();
      });
      return {
        [Symbol.dispose]: () => {
          this.#due.delete(due);
          timer[Symbol.dispose]();
        },
      };
    };
    this.#fake = new FakeHomeserver({ clock });
    this.#fake.model.busy = true;
    this.#server = new FakeServer(clock);
    const error = new PlexichatFault('rate_limited', { retryAfterMs: 9000 });
    this.#server.fails = (call) =>
      this.#refuses && call === 'writePresence' ? { when: 'before', error } : null;
  }

  static async make(kind: Kind, leak: PushesLeak): Promise<PushesWorld> {
    const world = new PushesWorld(leak);
    await world.#populate(kind);
    world.#bridge.onPeopleChanged((changed) => world.#matrix.recheck(changed));
    await world.#begin();
    for (const name of ['una', 'liz'] as const) {
      if (isLinked(name, kind)) await world.#held.give(world.#people.get(name)!, `1.${name}`);
      await world.#settle();
    }
    return world;
  }

  /** Something that happens in both worlds, and what is obtained of it. */
  async step(step: PushesStep): Promise<void> {
    if (step.kind === 'wait') await this.#pass(step.ms);
    else if (step.kind === 'trouble') await this.#trouble(step.of);
    else if (step.kind === 'restart') await this.#restart();
    else await this.deed(step);
    await this.mark();
  }

  async deed(deed: Deed): Promise<void> {
    await this.#do(deed);
    await this.#settle();
  }

  async mark(): Promise<void> {
    const now = this.#bridge.clock.now();
    for (const lines of Object.values(this.#obtained)) lines.push(`now ${now}`);
    const { warnings, backlog } = this.#matrix.health();
    const health = JSON.stringify([warnings, backlog, this.#plexichat.health()]);
    this.#obtained.metrics.push(health, await this.#metrics.text());
    const told = this.#bridge.deliveries.of(this.#people.get('una')!.id);
    this.#obtained.deliveries.push(JSON.stringify(told));
  }

  async end(): Promise<Obtained> {
    await this.#stop();
    this.#bridge.presence[Symbol.dispose]();
    return this.#obtained;
  }

  async #populate(kind: Kind): Promise<void> {
    for (const name of ['una', 'pat', 'liz', 'max'] as const) {
      const { plexichat, matrix } = IDS[name];
      const own: Address[] = [];
      if (plexichat !== undefined) own.push({ network: PLEXICHAT, id: plexichat });
      if (matrix !== undefined && (name === 'max' || isLinked(name, kind)))
        own.push({ network: MATRIX, id: matrix });
      const { person } = await this.#bridge.person(own, { displayName: name });
      this.#people.set(name, person);
      if (matrix !== undefined) this.#fake.model.addUser(name, `${name}-token`);
      if (plexichat !== undefined) this.#server.owners.set(`1.${name}`, plexichat);
      if (plexichat !== undefined && name !== 'una') this.#server.friends.add(plexichat);
    }
  }

  #connect(): void {
    const { clock, store, people, newcomers, deliveries } = this.#bridge;
    const metrics = this.#metricsOf(MATRIX);
    const outbound = this.#outbound(metrics);
    const server = this.#serverApi();
    const presence = this.#leak({
      clock,
      una: this.#people.get('una')!.id,
      presence: this.#bridge.presence,
      metrics,
      log: (line) => void this.#obtained.logs.push(line),
      homeserver: outbound,
      server,
    });
    const common = { presence, clock, deliveries, shareable: shareability(store), random: () => 0.5 };
    const report = (problem: string, error: unknown) =>
      void this.#obtained.logs.push(`${problem}: ${String(error)}`);
    this.#matrix = new MatrixConnector({
      ...common,
      settings: {
        receive: true,
        push: true,
        mirror: true,
        room: '#presence',
        keepAliveMs: 25_000,
        putsPerSecond: 10,
        unknownAfterMs: 240_000,
      },
      outbound,
      registration: { id: 'bridge', asToken: this.#fake.asToken, senderLocalpart: 'plexibridge' },
      serverName: HOMESERVER,
      network,
      people: { byId: (id) => store.people.byId(id), byAddress: (address) => people.find(address) },
      directory: store,
      fetchAvatar: () => Promise.resolve(null),
      metrics,
      logger: this.#logger(),
      report,
    });
    this.#reporting = new Reporting({
      network,
      serverName: HOMESERVER,
      senderId: this.#fake.model.senderId,
      dialect: () => this.#matrix.dialect,
      remoteUsers: false,
      people,
      presence,
      newcomers: { find: () => Promise.resolve(null) },
      mirror: this.#matrix.mirror,
      leases: this.#matrix.leases,
      metrics,
    });
    this.#held = new HeldTokens({
      directory: store,
      people,
      network: PLEXICHAT,
      sealing: new Sealing(SETTINGS.token_key ?? '', randomBytes),
      identify: (token) => server.identify(token),
      clock,
      log: this.#logger(),
    });
    this.#plexichat = new PlexichatConnector({
      ...common,
      settings: { ...SETTINGS, reconcile_every: 120_000, unknown_after: 240_000 },
      server,
      gateway: ({ events }) => {
        this.#events = events;
        return { start: () => undefined, [Symbol.asyncDispose]: () => Promise.resolve() };
      },
      people,
      newcomers,
      tokens: this.#held,
      network: plexichatNetwork,
      metrics: this.#metricsOf(PLEXICHAT),
      logger: this.#logger(),
      report,
    });
  }

  /** The bridge starts, and both servers are there. */
  async #begin(): Promise<void> {
    this.#connect();
    this.#matrix.start();
    this.#plexichat.start();
    await this.#trouble('server');
    for (const name of ['una', 'liz'] as const) {
      this.#matrix.mirror.verified(IDS[name].matrix!, `${name}-token`);
      await this.#settle();
    }
  }

  async #stop(): Promise<void> {
    this.#fault?.[Symbol.dispose]();
    this.#fault = null;
    this.#connected = false;
    this.#server.forget();
    await this.#matrix[Symbol.asyncDispose]();
    await this.#plexichat[Symbol.asyncDispose]();
  }

  async #restart(): Promise<void> {
    await this.#stop();
    await this.#begin();
  }

  async #do(deed: Deed): Promise<void> {
    const { presence, people, clock } = this.#bridge;
    const { id } = this.#people.get(deed.who)!;
    const { plexichat, matrix } = IDS[deed.who];
    switch (deed.kind) {
      case 'write':
        await presence.write(id, writeOf(deed, clock.now()));
        return;
      case 'session':
      case 'session-end':
        await presence.signal(id, signalOf(deed, clock.now()));
        return;
      case 'homeserver':
        if (matrix !== undefined) {
          this.#fake.model.say(matrix, {
            presence: deed.presence,
            ...(deed.text && { status_msg: deed.text }),
          });
          await this.#told(matrix);
        }
        return;
      case 'server':
        if (plexichat !== undefined && this.#hears) this.#server.write(plexichat, deed.mode, deed.said);
        return;
      case 'token':
        if (matrix !== undefined) this.#matrix.mirror.verified(matrix, `${deed.who}-token-2`);
        return;
      case 'edit':
        await people.edit(id, { displayName: deed.who });
        return;
    }
  }

  /**
   * Whether the bridge hears at once what is said on the server, and has nothing left to write there: else it would be found
   * whenever she is read, and stand instead of what was to be written.
   */
  get #hears(): boolean {
    return this.#connected && this.#plexichat.health().backlog === 0;
  }

  /** The homeserver tells the bridge how this user is. */
  async #told(userId: string): Promise<void> {
    const update = updateOf(userId, this.#fake.model.presenceOf(userId));
    if (update) await this.#reporting.take(update, this.#bridge.clock.now());
  }

  /** A real server goes out of reach, or comes back. */
  async #trouble(of: Trouble): Promise<void> {
    if (of === 'server') {
      this.#connected = !this.#connected;
      if (this.#connected && this.#events) this.#server.connect(this.#events);
      else this.#server.disconnect();
    } else if (of === 'writes') {
      this.#refuses = !this.#refuses;
    } else if (this.#fault) {
      this.#fault[Symbol.dispose]();
      this.#fault = null;
    } else {
      this.#fault =
        of === 'limits'
          ? this.#fake.fail('rate_limited', { path: /presence/, retryAfterMs: 7000 })
          : this.#fake.fail('refused');
    }
    await this.#settle();
  }

  /** Time passes from one timer of the bridge to the next, and everything that it brings about happens. */
  async #pass(ms: number): Promise<void> {
    const { clock } = this.#bridge;
    const end = clock.now() + ms;
    for (;;) {
      const next = Math.min(end, ...[...this.#due].map(({ at }) => at));
      clock.advance(next - clock.now());
      await this.#settle();
      if (next === end) return;
    }
  }

  /** Resolves once nothing moves any more without time. */
  async #settle(): Promise<void> {
    for (;;) {
      const before = this.#requests;
      for (let turn = 0; turn < 3; turn++) await setImmediate();
      const taken = [...this.#taken];
      this.#taken.clear();
      for (const userId of taken) await this.#told(userId);
      if (taken.length === 0 && this.#requests === before && this.#underWay === 0) return;
    }
  }

  #outbound(metrics: ConnectorMetrics) {
    const inner = this.#fake.outbound();
    const request = async (request: OutboundRequest) => {
      this.#obtained.homeserver.push(`${this.#bridge.clock.now()} ${JSON.stringify(request)}`);
      try {
        const reply = await this.#count(() => inner.request(request));
        metrics.request(`${Math.floor(reply.status / 100)}xx`);
        const user = /\/presence\/([^/]+)\/status$/.exec(request.path)?.[1];
        if (request.method === 'PUT' && user && reply.status === 200)
          this.#taken.add(decodeURIComponent(user));
        return reply;
      } catch (error) {
        metrics.request('fault');
        throw error;
      }
    };
    return { request };
  }

  /** The server with all that it is asked written down. */
  #serverApi(): ServerApi {
    const note =
      <Args extends unknown[], T>(call: string, run: (...args: Args) => Promise<T>) =>
      (...args: Args): Promise<T> => {
        const said = args.filter((arg) => !(typeof arg === 'object' && arg !== null && 'signal' in arg));
        this.#obtained.server.push(`${this.#bridge.clock.now()} ${call} ${JSON.stringify(said)}`);
        return this.#count(() => run(...args));
      };
    const api = this.#server.api(() => false);
    return {
      version: note('version', api.version),
      identify: note('identify', api.identify),
      presence: note('presence', api.presence),
      writePresence: note('writePresence', api.writePresence),
      relationships: note('relationships', api.relationships),
      members: note('members', api.members),
      user: note('user', api.user),
    };
  }

  async #count<T>(run: () => Promise<T>): Promise<T> {
    this.#requests++;
    this.#underWay++;
    try {
      return await run();
    } finally {
      this.#underWay--;
    }
  }

  #logger() {
    const say = (level: string) => (details: object, message: string) =>
      void this.#obtained.logs.push(`${level} ${message} ${JSON.stringify(details)}`);
    return { debug: () => undefined, info: say('info'), warn: say('warn'), error: say('error') };
  }
}

/** Una may have an account at the homeserver, or none. */
function isLinked(name: Name, kind: Kind): boolean {
  return name === 'liz' || (name === 'una' && kind === 'linked');
}
