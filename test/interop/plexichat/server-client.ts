import { Pool } from 'undici';
import { Budget } from '../../../src/connectors/budget.ts';
import { systemClock } from '../../../src/presence/clock.ts';
import type { Answer } from '../../helpers/process.ts';
import type { Target } from './target.ts';

/**
 * The requests of the suite in a minute. The server verifies 100 tokens a minute for one address, whatever may be
 * bypassed, and the bridge is at the same address (Plexichat rate limits).
 */
const PER_MINUTE = 50;

export interface Account {
  readonly id: string;
  readonly token: string;
}

/** The presence object. */
export interface Shown {
  readonly user_id: string;
  readonly status: string;
  readonly custom_status: string | null;
  readonly custom_emoji: string | null;
  readonly last_seen: number | null;
}

/** How an account was. */
export type Before = Pick<Shown, 'status' | 'custom_status' | 'custom_emoji'>;

/** A plain client of a Plexichat server, with the tokens of several accounts, that stays below its limits. */
export class ServerClient implements AsyncDisposable {
  readonly #target: Target;
  readonly #base: string;
  readonly #pool: Pool;
  readonly #budget = new Budget({
    windows: [{ limit: PER_MINUTE, windowMs: 60_000 }],
    maxWaiting: PER_MINUTE,
    clock: systemClock,
  });
  #leastRemaining: number | null = null;

  constructor(target: Target) {
    const { origin, pathname } = new URL(target.url);
    this.#target = target;
    this.#base = `${pathname.replace(/\/+$/, '')}/api/v1`;
    this.#pool = new Pool(origin, { connections: 4 });
  }

  /** How close to a limit this address has been: the least that any reply said remained. Null if none said so. */
  get leastRemaining(): number | null {
    return this.#leastRemaining;
  }

  /** Whose token it is. Throws where it is nobody's. */
  async account(token: string): Promise<Account> {
    const settings = await this.#call('GET', '/users/@me/messaging-settings', token);
    if (settings.status === 200) return { id: String(settings.body.user_id), token };
    const { status, body } = await this.#call('GET', '/users/@me', token);
    if (status !== 200) throw new Error(`a token is refused: ${status} ${JSON.stringify(body)}`);
    return { id: String(body.id), token };
  }

  /** The public profile. */
  async profile(id: string, { token }: Account): Promise<{ username: string; avatar_url: string | null }> {
    return (await this.#ok('GET', `/users/${id}`, token)).body;
  }

  /** How one account is shown to another, or to itself. */
  async read(id: string, { token }: Account): Promise<Shown> {
    return (await this.#ok('GET', `/users/${id}/presence`, token)).body;
  }

  /** Her own word, as the client of hers would say it. */
  async write({ token }: Account, body: object): Promise<Shown> {
    return (await this.#ok('PUT', '/users/@me/presence', token, body)).body;
  }

  /** How she is, to herself. */
  async look(account: Account): Promise<Before> {
    return this.#settle(account, (await this.read(account.id, account)).status);
  }

  /** Makes her as she was, but for the time of her last word. Answers how she is then. */
  async restore(account: Account, { status, custom_status, custom_emoji }: Before): Promise<Before> {
    await this.write(account, {
      status,
      custom_status: custom_status ?? '',
      ...(custom_status !== null && custom_emoji !== null && { custom_emoji }),
    });
    return this.#settle(account, status);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#budget[Symbol.dispose]();
    await this.#pool.destroy();
  }

  /** A status that is said again brings out what is really kept beside it (Plexichat presence: cache lag). */
  async #settle(account: Account, said: string): Promise<Before> {
    const { status, custom_status, custom_emoji } = await this.write(account, { status: said });
    return { status, custom_status, custom_emoji };
  }

  async #ok(method: 'GET' | 'PUT', path: string, token: string, body?: object): Promise<Answer> {
    const answer = await this.#call(method, path, token, body);
    if (answer.status === 200) return answer;
    throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
  }

  async #call(method: 'GET' | 'PUT', path: string, token: string, body?: object): Promise<Answer> {
    const { accessToken, rateLimitBypass } = this.#target;
    await this.#budget.turn();
    const reply = await this.#pool.request({
      method,
      path: this.#base + path,
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        ...(accessToken !== undefined && { 'x-api-access-token': accessToken }),
        ...(rateLimitBypass !== undefined && { 'x-ratelimit-bypass': rateLimitBypass }),
      },
      body: body === undefined ? null : JSON.stringify(body),
    });
    const remaining = reply.headers['x-ratelimit-remaining'];
    if (remaining !== undefined) {
      this.#leastRemaining = Math.min(this.#leastRemaining ?? Infinity, Number(remaining));
    }
    return { status: reply.statusCode, body: await reply.body.json() };
  }
}
