import { Agent } from 'undici';
import { faultOf, OutboundError } from '../outbound-error.ts';
import type { PlexichatBudgets } from './budgets.ts';
import { faultOfReply, PlexichatFault } from './fault.ts';
import type { CallOptions } from './rest.ts';
import type { Clock } from '../../presence/clock.ts';

/** Largest picture that is taken, bytes. */
const MAX_BYTES = 1024 * 1024;
/** The types that the server lets its users upload. */
const TYPE = /^image\/(png|jpeg|gif|webp)\s*(;|$)/i;

export interface AvatarsOptions {
  /** Where the server is; nothing else is asked. */
  readonly baseUrl: string;
  readonly budgets: Pick<PlexichatBudgets, 'turn' | 'drain'>;
  readonly clock: Clock;
  /** The longest that a request may take, ms of real time. */
  readonly timeoutMs: number;
  readonly rateLimitBypass?: string | undefined;
}

export interface Avatar {
  readonly bytes: Uint8Array;
  /** `image/…`, without parameters. */
  readonly type: string;
}

/** Pictures of users, which a real server gives to everybody: no token is sent. Redirects are not followed. */
export class Avatars implements AsyncDisposable {
  readonly #options: AvatarsOptions;
  readonly #base: URL;
  readonly #agent: Agent;

  constructor(options: AvatarsOptions) {
    this.#options = options;
    this.#base = new URL(`${options.baseUrl.replace(/\/+$/, '')}/api/v1/`);
    this.#agent = new Agent({ maxResponseSize: MAX_BYTES, connect: { timeout: options.timeoutMs } });
  }

  /** Throws PlexichatFault: `refused` unread for what is not on the server, `garbage` for what is no picture. */
  async get(url: string, { priority = 'background', signal }: CallOptions = {}): Promise<Avatar> {
    const path = this.#pathOf(url);
    if (path === null) throw new PlexichatFault('refused');
    const { budgets, clock } = this.#options;
    await budgets.turn(priority, signal);
    const { status, headers, bytes } = await this.#fetch(path);
    if (status >= 400) {
      const fault = faultOfReply({ status, headers, body: undefined }, clock.now());
      if (fault.retryAfterMs !== null) budgets.drain(fault.retryAfterMs);
      throw fault;
    }
    const type = [headers['content-type']].flat()[0] ?? '';
    const [, subtype] = TYPE.exec(type) ?? [];
    if (status !== 200 || subtype === undefined || bytes.length === 0) {
      throw new PlexichatFault('garbage', { status });
    }
    return { bytes, type: `image/${subtype.toLowerCase()}` };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy();
  }

  /** Null for what is not below the base URL. */
  #pathOf(url: string): string | null {
    const parsed = URL.canParse(url) ? new URL(url) : null;
    const { origin, pathname } = this.#base;
    return parsed?.origin === origin && parsed.pathname.startsWith(pathname)
      ? parsed.pathname + parsed.search
      : null;
  }

  async #fetch(path: string) {
    const { rateLimitBypass, timeoutMs } = this.#options;
    const headers = rateLimitBypass === undefined ? {} : { 'x-ratelimit-bypass': rateLimitBypass };
    try {
      const {
        statusCode,
        headers: replied,
        body,
      } = await this.#agent.request({
        origin: this.#base.origin,
        method: 'GET',
        path,
        headers,
        signal: AbortSignal.timeout(timeoutMs),
      });
      return { status: statusCode, headers: replied, bytes: await body.bytes() };
    } catch (error) {
      const isLate = error instanceof Error && error.name === 'TimeoutError';
      throw new PlexichatFault('unavailable', {
        cause: new OutboundError(isLate ? 'timeout' : faultOf(error)),
      });
    }
  }
}
