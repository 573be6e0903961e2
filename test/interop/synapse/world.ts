import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, vi } from 'vitest';
import type { Answer, RunningBridge } from '../../helpers/process.ts';
import { OPERATOR, runBridge } from '../../helpers/process.ts';
import { freePort } from '../../helpers/free-port.ts';
import { GatewayWatcher } from './gateway-watcher.ts';
import { MatrixWatcher } from './matrix-watcher.ts';
import type { Account, Synapse } from './synapse.ts';
import { startSynapse } from './synapse.ts';

const MAIN = fileURLToPath(new URL('../../../dist/main.js', import.meta.url));
const SERVER_NAME = 'hs.test';
const ROOM = `#plexichat:${SERVER_NAME}`;
/** Snowflakes end in the digits that people are told apart by. */
const SNOWFLAKES = '1759288472991170';

/** Somebody with an account on Plexichat, as the bridge knows her. */
export interface PlexichatPerson {
  readonly id: string;
  readonly token: string;
  /** Her stand-in at Synapse. */
  readonly standIn: string;
}

/** Until when something is waited for that takes but a moment; machines may be slow. */
export const SOON = { timeout: 20_000, interval: 100 };

/** A real bridge and a real Synapse that serve each other, and people on both sides. */
export class World implements AsyncDisposable {
  readonly #folder: string;
  readonly #env: Record<string, string>;
  readonly #synapsePort: number;
  readonly #besides: readonly AsyncDisposable[];
  readonly #disposables: (() => Promise<void> | void)[] = [];
  #snowflake = 10;
  #synapse: Synapse | null = null;
  #bridge: RunningBridge | null = null;
  /** Who is watched at Synapse. */
  alice!: Account;
  /** Who watches at Synapse. */
  bob!: Account;
  /** Who is watched on Plexichat. */
  pat!: PlexichatPerson;
  /** Who watches on Plexichat. */
  ann!: PlexichatPerson;
  onMatrix!: MatrixWatcher;
  onPlexichat!: GatewayWatcher;

  private constructor(
    folder: string,
    bridgePort: number,
    synapsePort: number,
    settings: Readonly<Record<string, string>>,
    besides: readonly AsyncDisposable[],
  ) {
    this.#folder = folder;
    this.#besides = besides;
    this.#synapsePort = synapsePort;
    this.#env = {
      PLEXIBRIDGE__LISTEN__PORT: `${bridgePort}`,
      PLEXIBRIDGE__MATRIX__SERVER_NAME: SERVER_NAME,
      PLEXIBRIDGE__MATRIX__HOMESERVER__URL: `http://127.0.0.1:${synapsePort}`,
      PLEXIBRIDGE__MATRIX__HOMESERVER__REGISTRATION: join(folder, 'registration.yaml'),
      PLEXIBRIDGE__MATRIX__HOMESERVER__ROOM: ROOM,
      PLEXIBRIDGE__MATRIX__HOMESERVER__MIRROR: 'true',
      ...settings,
    };
  }

  /**
   * Everything runs, and alice, bob and the stand-ins of pat and ann are in one room. `settings` are more of the
   * bridge's; what is `besides` ends with the world.
   */
  static async start(
    settings: Readonly<Record<string, string>> = {},
    besides: readonly AsyncDisposable[] = [],
  ): Promise<World> {
    const folder = await mkdtemp(join(tmpdir(), 'plexibridge-interop-'));
    const world = new World(folder, await freePort(), await freePort(), settings, besides);
    try {
      await world.#registration('generate');
      await world.#registration('check');
      await world.startSynapse(false);
      await world.startBridge();
      await world.#populate();
    } catch (error) {
      await world[Symbol.asyncDispose]();
      throw error;
    }
    return world;
  }

  get synapse(): Synapse {
    return started(this.#synapse);
  }

  get bridge(): RunningBridge {
    return started(this.#bridge);
  }

  /** Starts the one that was stopped, with its data. */
  async startSynapse(busy: boolean): Promise<void> {
    this.#synapse = await startSynapse({
      registration: join(this.#folder, 'registration.yaml'),
      dataDir: join(this.#folder, 'synapse'),
      port: this.#synapsePort,
      busy,
    });
  }

  /** Starts the one that was ended, with its data and port. */
  async startBridge(): Promise<void> {
    this.#bridge = await runBridge(join(this.#folder, 'bridge'), this.#env);
  }

  /** A Matrix user, in the room if the room is there. */
  async matrixUser(localpart: string): Promise<Account> {
    const account = await this.synapse.register(localpart, `a password of ${localpart}`);
    await vi.waitFor(() => this.#join(account), SOON);
    return account;
  }

  /** A Plexichat user made by the operator; `matrixId` is her own where she is linked. */
  async plexichatUser(name: string, matrixId?: string): Promise<PlexichatPerson> {
    const id = `${SNOWFLAKES}${(this.#snowflake += 1)}`;
    const body = {
      plexichat_id: id,
      display_name: name,
      ...(matrixId !== undefined && { matrix_id: matrixId }),
    };
    expect((await this.operate('POST', '/people', body)).status).toBe(201);
    const issued = await this.operate('POST', `/people/${id}/tokens`, { network: 'plexichat' });
    return { id, token: issued.body.token, standIn: `@_plexichat_${id}:${SERVER_NAME}` };
  }

  operate(method: 'GET' | 'POST', path: string, body?: unknown): Promise<Answer> {
    return this.bridge.call(method, `/bridge/v1${path}`, OPERATOR, body);
  }

  /** How the bridge finds Synapse. */
  async health(): Promise<any> {
    return (await this.operate('GET', '/servers')).body.servers[0];
  }

  /** The id by which Plexichat knows a Matrix user, null while the bridge has never heard of her. */
  async snowflakeOf({ userId }: Account): Promise<string | null> {
    const { status, body } = await this.operate('GET', `/people/${encodeURIComponent(userId)}`);
    return status === 200 ? body.plexichat_id : null;
  }

  /** What ann is told on Plexichat of a Matrix user. */
  async readOnPlexichat(account: Account): Promise<any> {
    const id = await this.snowflakeOf(account);
    if (id === null) return null;
    return (await this.bridge.call('GET', `/api/v1/users/${id}/presence`, this.ann.token)).body;
  }

  /** What bob is told at Synapse. */
  async readOnMatrix(userId: string): Promise<any> {
    return (await this.synapse.call('GET', statusPath(userId), this.bob.token)).body;
  }

  async putOnPlexichat({ token }: PlexichatPerson, content: object): Promise<void> {
    expect((await this.bridge.call('PUT', '/api/v1/users/@me/presence', token, content)).status).toBe(200);
  }

  async putOnMatrix({ userId, token }: Account, content: object): Promise<void> {
    expect(await this.synapse.call('PUT', statusPath(userId), token, content)).toEqual({
      status: 200,
      body: {},
    });
  }

  /** Ann is told of these Matrix ids from now on. */
  async follow(...userIds: string[]): Promise<void> {
    const { body } = await this.operate('POST', `/people/${this.ann.id}/tokens`, { network: 'matrix' });
    const list = `/_matrix/client/api/v1/presence/list/${encodeURIComponent(this.ann.standIn)}`;
    expect((await this.bridge.call('POST', list, body.token, { invite: userIds })).status).toBe(200);
  }

  /** Ann's gateway connection, made anew. */
  async watchOnPlexichat(): Promise<GatewayWatcher> {
    const watcher = await GatewayWatcher.connect(this.bridge.url, this.ann.token);
    this.#disposables.push(() => watcher[Symbol.dispose]());
    this.onPlexichat = watcher;
    return watcher;
  }

  /** A counter of the connection to Synapse; 0 while it is not there. */
  async count(metric: 'pushes' | 'received', outcome: string): Promise<number> {
    const headers = { authorization: `Bearer ${OPERATOR}` };
    const text = await (await fetch(`${this.bridge.url}/metrics`, { headers })).text();
    const name = `connector_${metric}_total`;
    const line = text
      .split('\n')
      .find((each) => each.includes(`${name}{network="matrix",outcome="${outcome}"}`));
    expect(text).toContain(name);
    return Number(line?.split(' ').at(-1) ?? 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const dispose of this.#disposables.reverse()) await dispose();
    await this.#bridge?.end('SIGTERM');
    await this.#synapse?.[Symbol.asyncDispose]();
    for (const each of this.#besides) await each[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #registration(command: 'generate' | 'check'): Promise<void> {
    const env = { PATH: process.env['PATH'], ...this.#env };
    await promisify(execFile)(process.execPath, [MAIN, 'registration', command], { env });
  }

  async #populate(): Promise<void> {
    this.pat = await this.plexichatUser('Pat');
    this.ann = await this.plexichatUser('Ann');
    // The first stand-in who is there makes the room.
    await this.putOnPlexichat(this.pat, { status: 'online' });
    this.alice = await this.matrixUser('alice');
    this.bob = await this.matrixUser('bob');
    const watcher = new MatrixWatcher(() => this.synapse, this.bob);
    this.#disposables.push(() => watcher[Symbol.asyncDispose]());
    this.onMatrix = watcher;
    await this.follow(this.alice.userId, this.pat.standIn);
    await this.watchOnPlexichat();
    await vi.waitFor(() => expect(this.onMatrix.latest(this.ann.standIn)?.presence).toBe('online'), SOON);
  }

  async #join({ token }: Account): Promise<void> {
    const path = `/_matrix/client/v3/join/${encodeURIComponent(ROOM)}`;
    expect((await this.synapse.call('POST', path, token, {})).status).toBe(200);
  }
}

export function statusPath(userId: string): string {
  return `/_matrix/client/v3/presence/${encodeURIComponent(userId)}/status`;
}

function started<T>(server: T | null): T {
  if (server === null) throw new Error('the server was not started');
  return server;
}
