import type { IncomingMessage } from 'node:http';
import type { Account, Accounts, Identity } from './accounts.ts';
import type { Settings } from './options.ts';
import type { Reply } from './reply.ts';
import { failure } from './reply.ts';
import type { Window } from './windows.ts';
import { FixedWindow, SlidingWindow } from './windows.ts';

const PUBLIC_PATHS = [/^\/api\/v1\/(version|capabilities)$/, /^\/api\/v1\/avatars\//];
const SUSPENDED = 'Your account has been suspended by an administrator.';
const RENAME = 'You must change your username before you can continue using Plexichat.';

export type Authenticated = { readonly identity: Identity } | { readonly refusal: Reply };

/** Counts token verifications; beyond the cap it calls a good token unauthorized (contract §6). */
export class Verifications {
  readonly #settings: Settings;
  #window: Window;

  constructor(settings: Settings) {
    this.#settings = settings;
    this.#window = this.#fresh();
  }

  /** False beyond the cap. */
  take(address: string): boolean {
    if (!this.#window.look(address).allowed) return false;
    this.#window.take(address);
    return true;
  }

  /** The process ended; only the cache server remembers. */
  restarted(): void {
    if (!this.#settings.cacheServer) this.#window = this.#fresh();
  }

  #fresh(): Window {
    const { clock, verificationsPerMinute, cacheServer } = this.#settings;
    const Kind = cacheServer ? FixedWindow : SlidingWindow;
    return new Kind(clock, verificationsPerMinute, 60_000);
  }
}

/** The gate in front of everything but the public paths, on servers that have one. */
export function accessTokenRefusal(settings: Settings, request: IncomingMessage, path: string): Reply | null {
  if (settings.accessToken === null || !path.startsWith('/api/v1/')) return null;
  if (PUBLIC_PATHS.some((pattern) => pattern.test(path))) return null;
  const given = request.headers['x-api-access-token'];
  if (given === undefined) return failure(401, 'API access token required');
  return given === settings.accessToken ? null : failure(401, 'Invalid API access token');
}

/** The token of an Authorization header, or the message of the 401. */
export function bearerToken(request: IncomingMessage): { token: string } | { message: string } {
  const given = request.headersDistinct['authorization'] ?? [];
  if (given.length > 1 || given[0]?.includes(',')) return { message: 'Multiple Authorization headers' };
  const token = /^(?:Bearer|Bot) ([\w.-]+)$/.exec(given[0] ?? '')?.[1];
  return token === undefined ? { message: 'Authentication required' } : { token };
}

export function authenticate(
  accounts: Accounts,
  verifications: Verifications,
  request: IncomingMessage,
  mayRename: boolean,
): Authenticated {
  const bearer = bearerToken(request);
  if ('message' in bearer) return { refusal: failure(401, bearer.message) };
  if (!verifications.take(request.socket.remoteAddress ?? '')) {
    return { refusal: failure(401, 'Token verification rate limit exceeded') };
  }
  const verified = accounts.verify(bearer.token);
  if ('message' in verified) return { refusal: failure(401, verified.message) };
  const refusal = stateRefusal(accounts.known(verified.identity.userId), mayRename);
  return refusal ? { refusal } : { identity: verified.identity };
}

/** `mayRename`: the path answers even those who must first change their name. */
function stateRefusal({ state }: Account, mayRename: boolean): Reply | null {
  if (state === 'suspended') return failure(403, 'Account suspended', SUSPENDED);
  if (state === 'rename-required' && !mayRename) return failure(403, 'Username change required', RENAME);
  return null;
}
