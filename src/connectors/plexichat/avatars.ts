import type { Clock } from '../../presence/clock.ts';
import type { Outbound } from '../outbound.ts';
import { OutboundError } from '../outbound-error.ts';
import type { PlexichatBudgets } from './budgets.ts';
import { faultOfReply, PlexichatFault } from './fault.ts';
import type { CallOptions } from './rest.ts';

/** Largest picture that is taken, bytes. */
export const MAX_AVATAR_BYTES = 1024 * 1024;
/** The types that the server lets its users upload. */
const TYPE = /^image\/(png|jpeg|gif|webp)\s*(;|$)/i;

export interface AvatarsOptions {
  /** To the server at `baseUrl`, for no more than `MAX_AVATAR_BYTES`; nothing else is asked. */
  readonly outbound: Pick<Outbound, 'request'>;
  readonly baseUrl: string;
  readonly budgets: Pick<PlexichatBudgets, 'turn' | 'drain'>;
  readonly clock: Clock;
  readonly rateLimitBypass?: string | undefined;
}

export interface Avatar {
  readonly bytes: Uint8Array;
  /** `image/…`, without parameters. */
  readonly type: string;
}

/** Pictures of users, which a real server gives to everybody: no token is sent. */
export class Avatars {
  readonly #options: AvatarsOptions;
  readonly #base: string;

  constructor(options: AvatarsOptions) {
    this.#options = options;
    this.#base = new URL(options.baseUrl).href.replace(/\/+$/, '');
  }

  /** Throws PlexichatFault: `refused` unread for what is not on the server, `garbage` for what is no picture. */
  async get(url: string, { priority = 'background', signal }: CallOptions = {}): Promise<Avatar> {
    const place = this.#placeOf(url);
    if (place === null) throw new PlexichatFault('refused');
    const { budgets, clock } = this.#options;
    await budgets.turn(priority, signal);
    const { status, headers, bytes } = await this.#fetch(place);
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

  /** Null for what is not below the API of the server. */
  #placeOf(url: string): Pick<URL, 'pathname' | 'searchParams'> | null {
    const { href = '' } = URL.canParse(url) ? new URL(url) : {};
    if (!href.startsWith(`${this.#base}/api/v1/`)) return null;
    return new URL(href.slice(this.#base.length), this.#base);
  }

  async #fetch({ pathname, searchParams }: Pick<URL, 'pathname' | 'searchParams'>) {
    const { outbound, rateLimitBypass } = this.#options;
    const query = Object.fromEntries(searchParams);
    const headers = rateLimitBypass === undefined ? {} : { 'x-ratelimit-bypass': rateLimitBypass };
    try {
      return await outbound.request({ method: 'GET', path: pathname, query, headers });
    } catch (error) {
      if (error instanceof OutboundError) throw new PlexichatFault('unavailable', { cause: error });
      throw error;
    }
  }
}
