import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Answer, RunningBridge } from '../../helpers/process.ts';
import { OPERATOR, runBridge } from '../../helpers/process.ts';
import type { Account, Before, Shown } from './server-client.ts';
import { ServerClient } from './server-client.ts';
import type { Target } from './target.ts';

/** The requests of the bridge in a minute. */
const PER_MINUTE = 45;
/** Who has the account b at the bridge, once they are linked. */
export const MATRIX_ID = '@bea:localhost';

/** Until when something at the bridge is waited for; lists of the server are a minute old. */
export const SOON = { timeout: 90_000, interval: 50 };
/** The same at the server, where every look counts. */
export const THERE = { timeout: 90_000, interval: 1500 };

/** A bridge as it is run, beside a Plexichat server that runs already. */
export class World implements AsyncDisposable {
  readonly server: ServerClient;
  readonly #target: Target;
  readonly #folder = mkdtempSync(join(tmpdir(), 'plexibridge-beside-'));
  readonly #before = new Map<Account, Before>();
  readonly #ended: RunningBridge[] = [];
  #bridge: RunningBridge | null = null;
  #startedAt = 0;
  #spent = { requests: 0, allowed: 0 };
  /** Who looks on, at the server. */
  a!: Account;
  /** Who is moved about. */
  b!: Account;
  /** How b was left before the bridge came. */
  said!: Shown;
  /** A Matrix token of somebody who only looks. */
  #reader = '';

  private constructor(target: Target) {
    this.#target = target;
    this.server = new ServerClient(target);
  }

  /** The bridge runs, and b is busy at the server. */
  static async start(target: Target): Promise<World> {
    const world = new World(target);
    try {
      await world.#enter();
      world.said = await world.server.write(world.b, { status: 'dnd', custom_status: 'before the bridge' });
      await world.startBridge();
      const { body } = await world.operate('POST', '/people', { matrix_id: '@reader:localhost' });
      world.#reader = await world.matrixToken(body.id);
    } catch (error) {
      await world[Symbol.asyncDispose]();
      throw error;
    }
    return world;
  }

  get bridge(): RunningBridge {
    if (this.#bridge === null) throw new Error('the bridge does not run');
    return this.#bridge;
  }

  /** Whether the server was told to skip its limits. */
  get bypassed(): boolean {
    return this.#target.rateLimitBypass !== undefined;
  }

  /** Starts it with its data. */
  async startBridge(): Promise<void> {
    const { url, tokenA, bridgeToken = tokenA, accessToken, rateLimitBypass } = this.#target;
    this.#bridge = await runBridge(this.#folder, {
      PLEXIBRIDGE__LOG__LEVEL: 'debug',
      PLEXIBRIDGE__PLEXICHAT__SERVER__URL: url,
      PLEXIBRIDGE__PLEXICHAT__SERVER__TOKEN: bridgeToken,
      PLEXIBRIDGE__PLEXICHAT__SERVER__TOKEN_KEY: Buffer.alloc(32, 7).toString('base64url'),
      PLEXIBRIDGE__PLEXICHAT__SERVER__REQUESTS_PER_MINUTE: String(PER_MINUTE),
      PLEXIBRIDGE__PLEXICHAT__SERVER__ACCESS_TOKEN: accessToken,
      PLEXIBRIDGE__PLEXICHAT__SERVER__RATE_LIMIT_BYPASS: rateLimitBypass,
    });
    this.#startedAt = Date.now();
  }

  async endBridge(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    this.#spent = await this.spent();
    const { bridge } = this;
    this.#ended.push(bridge);
    this.#bridge = null;
    await bridge.end(signal);
  }

  /** Requests of the bridge to the server, and how many its budget has allowed: that of each process, for each minute begun. */
  async spent(): Promise<{ requests: number; allowed: number }> {
    const minutes = Math.ceil((Date.now() - this.#startedAt) / 60_000);
    const requests = (await this.#metric('requests')).reduce((sum, { value }) => sum + value, 0);
    return {
      requests: this.#spent.requests + requests,
      allowed: this.#spent.allowed + minutes * PER_MINUTE,
    };
  }

  /** What the bridge said of answers of the server that it was too much. */
  tooMuch(): string[] {
    const lines = [...this.#ended, this.bridge].flatMap(({ output }) => output);
    return lines.filter((line) => line.includes('"rate_limited"'));
  }

  /** How often the bridge found something to write at the server, or found that nothing was to be written. */
  async pushes(outcome: 'written' | 'unchanged'): Promise<number> {
    return (await this.#metric('pushes')).find((each) => each.outcome === outcome)?.value ?? 0;
  }

  /** How the bridge finds the server. */
  async health(): Promise<any> {
    return (await this.operate('GET', '/servers')).body.servers[0];
  }

  operate(method: 'GET' | 'POST', path: string, body?: unknown): Promise<Answer> {
    return this.bridge.call(method, `/bridge/v1${path}`, OPERATOR, body);
  }

  async matrixToken(person: string): Promise<string> {
    return (await this.operate('POST', `/people/${person}/tokens`, { network: 'matrix' })).body.token;
  }

  /** What is seen of b on Matrix, by another. */
  async onMatrix(id = `@_plexichat_${this.b.id}:localhost`): Promise<any> {
    return (await this.bridge.call('GET', statusPath(id), this.#reader)).body;
  }

  async putOnMatrix(token: string, body: object): Promise<void> {
    expect(await this.bridge.call('PUT', statusPath(MATRIX_ID), token, body)).toEqual({
      status: 200,
      body: {},
    });
  }

  /** Ends the bridge and brings everybody at the server back to how they were. Answers how they are then, and were. */
  async leave(): Promise<{ after: Before; before: Before }[]> {
    if (this.#bridge) await this.endBridge('SIGTERM');
    const everybody = [...this.#before];
    this.#before.clear();
    const left = [];
    for (const [account, before] of everybody) {
      await this.#gone(account);
      left.push({ after: await this.server.restore(account, before), before });
    }
    return left;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.leave();
    } finally {
      await this.#bridge?.end('SIGKILL');
      await this.server[Symbol.asyncDispose]();
      rmSync(this.#folder, { recursive: true, force: true });
    }
  }

  async #enter(): Promise<void> {
    const { tokenA, tokenB, bridgeToken } = this.#target;
    const tokens = [tokenA, tokenB, bridgeToken].filter((token) => token !== undefined);
    const accounts: Account[] = [];
    for (const token of tokens) accounts.push(await this.server.account(token));
    if (new Set(accounts.map(({ id }) => id)).size < tokens.length) {
      throw new Error('the tokens must be of different accounts');
    }
    for (const account of accounts) this.#before.set(account, await this.server.look(account));
    [this.a, this.b] = accounts as [Account, Account];
  }

  /** The server takes the end of a gateway connection for the word of its account, and that a moment later. */
  async #gone(account: Account): Promise<void> {
    const { tokenA, bridgeToken = tokenA } = this.#target;
    if (account.token !== bridgeToken) return;
    const status = async () => (await this.server.read(account.id, account)).status;
    await expect.poll(status, { ...THERE, timeout: 15_000 }).toBe('offline');
  }

  async #metric(name: 'requests' | 'pushes'): Promise<{ outcome: string; value: number }[]> {
    const headers = { authorization: `Bearer ${OPERATOR}` };
    const text = await (await fetch(`${this.bridge.url}/metrics`, { headers })).text();
    const samples = new RegExp(
      `connector_${name}_total\\{network="plexichat",outcome="(\\w+)"\\} (\\d+)`,
      'g',
    );
    return [...text.matchAll(samples)].map(([, outcome = '', value]) => ({ outcome, value: Number(value) }));
  }
}

function statusPath(id: string): string {
  return `/_matrix/client/v3/presence/${encodeURIComponent(id)}/status`;
}
