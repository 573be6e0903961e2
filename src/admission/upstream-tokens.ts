import { LRUCache } from 'lru-cache';
import { BridgeError } from '../presence/errors.ts';
import type { Clock } from '../presence/clock.ts';
import type { NetworkName } from '../presence/identity.ts';
import type { AccountProfile, Newcomers } from '../presence/newcomers.ts';
import type { Caller, Secrets, TokenVerifier } from '../presence/tokens.ts';

/** What a real server says of a token. */
export type Introspection =
  | {
      readonly live: true;
      /** The account, by its id on the network. */
      readonly id: string;
      readonly deviceId: string | null;
    }
  | {
      readonly live: false;
      /** Its own words for that, to be passed on. */
      readonly answer: object | null;
    };

/** A real server that knows tokens of its network. */
export interface Upstream {
  readonly network: NetworkName;
  /** How long a live token is believed, ms. */
  readonly believedMs: number;
  /** Whether the text may be a token of this network at all. */
  recognises(token: string): boolean;
  /** Throws `upstream_unavailable` or `rate_limited` when there is no telling. */
  introspect(token: string): Promise<Introspection>;
  /** Of an account that has no person yet. Never throws. */
  profile(token: string, id: string): Promise<AccountProfile>;
  /** Told of every token that turned out to be live. */
  verified?(id: string, token: string): void;
}

export interface UpstreamTokensOptions {
  /** The bridge's own tokens, which are asked first. */
  readonly own: TokenVerifier;
  readonly upstreams: readonly Upstream[];
  readonly newcomers: Pick<Newcomers, 'find'>;
  readonly secrets: Pick<Secrets, 'hash'>;
  readonly clock: Clock;
}

interface Known {
  readonly answer: Introspection;
  /** Milliseconds since 1970. */
  readonly until: number;
}

/** Answers remembered at once. */
const MAX_TOKENS = 100_000;
/** How long a token that is not live is remembered, ms. */
const REFUSED_FOR = 10_000;
/** Tokens that are asked for at a time; beyond it nobody else is let in by a new one. */
const MAX_PENDING = 1000;

/**
 * Lets in whoever holds a live token of the bridge or of a real server. Answers are remembered by the hash of the token,
 * live ones for as long as the server may be believed, others shortly; trouble is not remembered.
 */
export class UpstreamTokens implements TokenVerifier {
  readonly #options: UpstreamTokensOptions;
  readonly #known = new LRUCache<string, Known>({ max: MAX_TOKENS });
  readonly #pending = new Map<string, Promise<Introspection>>();

  constructor(options: UpstreamTokensOptions) {
    this.#options = options;
  }

  async verify(token: string, network?: NetworkName): Promise<Caller | null> {
    const own = await this.#options.own.verify(token, network);
    if (own) return own;
    const asked = this.#options.upstreams.find(
      (upstream) => upstream.recognises(token) && (network === undefined || upstream.network === network),
    );
    if (!asked) return null;
    const hash = this.#options.secrets.hash(token);
    const answer = await this.#introspect(asked, token, hash);
    if (!answer.live) throw refusal(answer.answer);
    const account = { network: asked.network, id: answer.id };
    const person = await this.#options.newcomers.find(account, () => asked.profile(token, answer.id));
    // A token without a device is one of its own.
    return { person: person.id, network: asked.network, deviceId: answer.deviceId ?? hash.slice(0, 16) };
  }

  async #introspect(upstream: Upstream, token: string, hash: string): Promise<Introspection> {
    const key = `${upstream.network} ${hash}`;
    const known = this.#known.get(key);
    if (known && this.#options.clock.now() < known.until) return known.answer;
    const pending = this.#pending.get(key);
    if (pending) return pending;
    if (this.#pending.size >= MAX_PENDING) throw new BridgeError('overloaded');
    const asking = this.#ask(upstream, token, key).finally(() => this.#pending.delete(key));
    this.#pending.set(key, asking);
    return asking;
  }

  async #ask(upstream: Upstream, token: string, key: string): Promise<Introspection> {
    const answer = await upstream.introspect(token);
    const until = this.#options.clock.now() + (answer.live ? upstream.believedMs : REFUSED_FOR);
    this.#known.set(key, { answer, until });
    if (answer.live) upstream.verified?.(answer.id, token);
    return answer;
  }
}

function refusal(answer: object | null): BridgeError {
  return new BridgeError('unknown_token', '', answer ? { passedOn: answer } : {});
}
