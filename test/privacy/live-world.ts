import type { Server } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { pino } from 'pino';
import type { Reply, TestApp, TestPerson } from '../helpers/app.ts';
import { makeApp, OPERATOR } from '../helpers/app.ts';
import { EventStream } from '../helpers/event-stream.ts';
import { settled } from '../helpers/settled.ts';
import type { Act, Name, Sabotage } from '../helpers/two-worlds.ts';
import { makeCast, OBSERVERS, play, transcript } from '../helpers/two-worlds.ts';
import { GatewayClient } from './gateway-client.ts';

/** What Una does at the gateway. */
export type SocketAct =
  | { readonly kind: 'identify'; readonly compress: boolean }
  | { readonly kind: 'drop' | 'resume' | 'beat' | 'type' }
  | { readonly kind: 'say'; readonly d: unknown };
export type Deed = SocketAct | { readonly kind: 'call'; readonly act: Act };
export type LiveStep =
  | Deed
  | { readonly kind: 'wait'; readonly ms: number }
  /** Cuts an observer's line to the gateway, or takes it up again. */
  | { readonly kind: 'line'; readonly of: Observer };

export interface LiveHistory {
  /** What happens in both worlds, with Una visible. */
  readonly before: readonly LiveStep[];
  /** By which way Una leaves, and what else she says when she goes invisible. */
  readonly leave: { readonly by: 'call' | 'socket'; readonly saying: object };
  /** Rounds of: Una acts (in world A only), others act and time passes (in both). */
  readonly after: readonly { readonly unseen: readonly Deed[]; readonly seen: readonly LiveStep[] }[];
}

/** Everything that others obtained, by the way it came; between the steps stands the time. */
export interface Obtained {
  readonly gateway: readonly string[];
  readonly polls: readonly string[];
  readonly metrics: readonly string[];
  /** What a dashboard was told that looks at Una. */
  readonly events: readonly string[];
  readonly logs: readonly string[];
}

type Observer = (typeof OBSERVERS)[number];

/** Short enough for a history to meet them all while heartbeats keep connections open. */
const PRESENCE = { idle_after: '60s', claim_ttl: '90s', busy_ttl: '90s', grace: '30s' };
const POLL_MS = 45_000;

/** Plays one world over real sockets and requests that wait. */
export async function playLiveWorld(
  world: 'invisible' | 'offline',
  { before, leave, after }: LiveHistory,
  sabotage: Sabotage,
): Promise<Obtained> {
  const live = await LiveWorld.make(sabotage);
  for (const step of before) await live.step(step);
  const said = { status: world, ...(world === 'invisible' ? leave.saying : {}) };
  await live.leave(leave.by, said);
  for (const { unseen, seen } of after) {
    if (world === 'invisible') for (const deed of unseen) await live.deed(deed);
    await live.mark();
    for (const step of seen) await live.step(step);
  }
  return live.end();
}

class LiveWorld {
  readonly #app: TestApp;
  readonly #server: Server;
  readonly #cast: ReadonlyMap<Name, TestPerson>;
  readonly #logs: string[];
  readonly #gateway: string[] = [];
  readonly #polls: string[] = [];
  readonly #metrics: string[] = [];
  readonly #events: string[] = [];
  readonly #sockets = new Set<Socket>();
  #dashboard: EventStream | null = null;
  readonly #watching = new Map<Observer, GatewayClient>();
  readonly #polling = new Map<Observer, { since: string; reply: Reply | null }>();
  /** Una's connections, the last one first. */
  readonly #hers: GatewayClient[] = [];

  private constructor(app: TestApp, cast: ReadonlyMap<Name, TestPerson>, logs: string[]) {
    this.#app = app;
    this.#server = app.http.server;
    this.#cast = cast;
    this.#logs = logs;
    app.http.server.on('connection', (socket: Socket) => this.#sockets.add(socket));
  }

  static async make(sabotage: Sabotage): Promise<LiveWorld> {
    const logs: string[] = [];
    const logger = pino(
      { level: 'info', base: null, timestamp: false },
      { write: (line) => logs.push(line) },
    );
    const app = await makeApp({ presence: PRESENCE }, { sabotage, logger });
    await app.http.listen({ host: '127.0.0.1', port: 0 });
    logs.length = 0; // It names the port.
    const live = new LiveWorld(app, await makeCast(app), logs);
    for (const name of OBSERVERS) {
      await live.#identify(name, name === 'liz');
      live.#poll(name, '');
    }
    await live.#watch();
    await live.mark();
    return live;
  }

  /** Something that happens in both worlds, and what others obtain of it. */
  async step(step: LiveStep): Promise<void> {
    if (step.kind === 'wait') {
      await this.#beat();
      this.#app.clock.advance(step.ms);
    } else if (step.kind === 'line') {
      await this.#changeLine(step.of);
    } else {
      await this.deed(step);
    }
    await this.mark();
  }

  async deed(deed: Deed): Promise<void> {
    if (deed.kind === 'call') await play(this.#app, this.#cast, deed.act);
    else await this.#act(deed);
    await this.#flush(this.#hers);
  }

  async leave(by: 'call' | 'socket', said: object): Promise<void> {
    const connected = this.#hers[0]?.open === true;
    if (by === 'socket' && connected) await this.deed({ kind: 'say', d: said });
    const act = { who: 'una', network: 'plexichat', method: 'PUT', path: '/presence', body: said } as const;
    if (by === 'call' || !connected) await this.deed({ kind: 'call', act });
    await this.mark();
  }

  /** Takes down what has come until now. */
  async mark(): Promise<void> {
    await this.#flush([...this.#watching.values()]);
    for (const [name, { since, reply }] of this.#polling) {
      if (!reply) continue;
      this.#polls.push(`${name} since ${since}: ${transcript('sync', reply)}`);
      this.#poll(name, `&since=${reply.body.next_batch}`);
    }
    await settled();
    await this.#takeEvents();
    const { text } = await this.#app.call('GET', '/metrics', OPERATOR);
    this.#metrics.push(text);
    const why = `/bridge/v1/people/${this.#cast.get('una')!.id}/why`;
    this.#events.push(transcript('why', await this.#app.call('GET', why, OPERATOR)));
    for (const lines of [this.#gateway, this.#polls, this.#events])
      lines.push(`now ${this.#app.clock.now()}`);
  }

  async end(): Promise<Obtained> {
    for (const [name, client] of this.#watching) if (!client.open) await this.#changeLine(name);
    await this.#identify('pat', false);
    await this.mark();
    const obtained = {
      gateway: [...this.#gateway],
      polls: [...this.#polls],
      metrics: this.#metrics,
      events: [...this.#events],
      logs: [...this.#logs],
    };
    await this.#app.http.close();
    return obtained;
  }

  async #watch(): Promise<void> {
    const { port } = this.#server.address() as AddressInfo;
    const url = `http://127.0.0.1:${port}/bridge/v1/events?person=${this.#cast.get('una')!.id}`;
    this.#dashboard = await EventStream.open(url, { authorization: `Bearer ${OPERATOR}` });
  }

  /** Takes down what the dashboard was told, once all of it has come. */
  async #takeEvents(): Promise<void> {
    const stream = this.#dashboard!;
    const line = [...this.#sockets].find(({ remotePort }) => remotePort === stream.line.port)!;
    await stream.until(() => stream.line.bytes === line.bytesWritten);
    await settled();
    this.#events.push(stream.text);
    stream.text = '';
  }

  async #identify(name: Observer, compress: boolean): Promise<void> {
    const client = await this.#connect(name);
    client.send(2, { token: this.#token(name), intents: 256, compress });
    await this.#flush([client]);
  }

  async #changeLine(name: Observer): Promise<void> {
    const before = this.#watching.get(name)!;
    if (before.open) return before.cut();
    const client = await this.#connect(name);
    const { sessionId, seq } = before;
    client.send(6, { token: this.#token(name), session_id: sessionId, seq });
    Object.assign(client, { sessionId, seq });
    await this.#flush([client]);
    if (client.refused) await this.#identify(name, false);
  }

  async #connect(name: Observer): Promise<GatewayClient> {
    const client = await GatewayClient.connect(this.#server, (line) => {
      this.#gateway.push(`${name}: ${line}`);
    });
    this.#watching.set(name, client);
    return client;
  }

  #poll(name: Observer, since: string): void {
    const polling = { since, reply: null as Reply | null };
    this.#polling.set(name, polling);
    const path = `/_matrix/client/v3/sync?set_presence=offline&timeout=${POLL_MS}${since}`;
    const call = this.#app.call('GET', path, this.#cast.get(name)!.matrix.token);
    void call.then((reply) => (polling.reply = reply));
  }

  /** Keeps the observers' connections. */
  async #beat(): Promise<void> {
    for (const client of this.#watching.values()) {
      client.send(1);
      await this.#flush([client]);
    }
  }

  async #act(act: SocketAct): Promise<void> {
    const last = this.#hers[0];
    const token = this.#token('una');
    if (act.kind === 'drop') return last?.cut();
    if (act.kind === 'identify' || (act.kind === 'resume' && last)) {
      const client = await GatewayClient.connect(this.#server, () => undefined);
      this.#hers.unshift(client);
      if (act.kind === 'identify') client.send(2, { token, intents: 256, compress: act.compress });
      else client.send(6, { token, session_id: last?.sessionId, seq: last?.seq });
    }
    if (act.kind === 'beat') last?.send(1);
    if (act.kind === 'type') last?.send(40, { channel_id: '1' });
    if (act.kind === 'say') last?.send(3, act.d);
  }

  #token(name: Name): string {
    return this.#cast.get(name)!.plexichat.token;
  }

  /** What these clients have sent is dealt with, and what they are to be sent has come. */
  async #flush(clients: readonly GatewayClient[]): Promise<void> {
    await Promise.all(clients.map((client) => client.flush()));
    await settled();
    await Promise.all(clients.map((client) => client.flush()));
  }
}
