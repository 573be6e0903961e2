import { createHash } from 'node:crypto';
import type { Settings } from './options.ts';
import type { Snowflakes } from './snowflakes.ts';

const HOUR = 3_600_000;
const LIFETIME = 168 * HOUR;
/** A session used with no more than this left lives on, ms. */
const RENEWED_BELOW = 24 * HOUR;

export type AccountState = 'active' | 'suspended' | 'rename-required' | 'frozen';

export interface Account {
  readonly id: string;
  username: string;
  readonly createdAt: number;
  /** The human whom a bot acts as; null for humans. */
  readonly ownerId: string | null;
  state: AccountState;
}

export interface Login {
  readonly token: string;
  readonly accountId: string;
  /** ms since 1970; never for bots. */
  expiresAt: number;
  revoked: boolean;
}

/** Whose presence a token moves (`userId`, for a bot its owner) and whose profile it has. */
export interface Identity {
  readonly userId: string;
  readonly accountId: string;
}

export type Verified = { readonly identity: Identity } | { readonly message: string };

/** Who exists, and which tokens are good (contract §4). */
export class Accounts {
  readonly #settings: Settings;
  readonly #ids: Snowflakes;
  readonly #accounts = new Map<string, Account>();
  readonly #logins = new Map<string, Login>();

  constructor(settings: Settings, ids: Snowflakes) {
    this.#settings = settings;
    this.#ids = ids;
  }

  get(id: string): Account | undefined {
    return this.#accounts.get(id);
  }

  /** Throws when a test names nobody. */
  known(id: string): Account {
    const account = this.#accounts.get(id);
    if (!account) throw new Error(`no account ${id}`);
    return account;
  }

  add(id = this.#ids.next(), username = `user_${id}`, ownerId: string | null = null): Account {
    if (this.#accounts.has(id)) throw new Error(`account ${id} exists`);
    const account: Account = {
      id,
      username,
      createdAt: this.#settings.clock.now(),
      ownerId,
      state: 'active',
    };
    this.#accounts.set(id, account);
    return account;
  }

  logIn(accountId: string): string {
    const isBot = this.known(accountId).ownerId !== null;
    const id = isBot ? accountId : this.#ids.next();
    const secret = createHash(isBot ? 'sha384' : 'sha256')
      .update(id)
      .digest('base64url');
    const token = `${isBot ? 'bot.' : ''}${id}.${secret}`;
    const expiresAt = isBot ? Infinity : this.#settings.clock.now() + LIFETIME;
    this.#logins.set(token, { token, accountId, expiresAt, revoked: false });
    return token;
  }

  /** The human whose token it was. */
  revoke(token: string): string {
    const login = this.#logins.get(token);
    if (!login) throw new Error('no such token');
    login.revoked = true;
    return this.#identity(login).userId;
  }

  reinstate(token: string): void {
    const login = this.#logins.get(token);
    if (login) login.revoked = false;
  }

  /** Whose token this is, good or not; for the log of requests. */
  ownerOf(token: string): string | null {
    const login = this.#logins.get(token);
    return login ? this.#identity(login).userId : null;
  }

  verify(token: string): Verified {
    if (/^(email|2fa)\.\d+\.[\w-]+$/.test(token)) return { message: 'Unknown type' };
    const isBot = /^bot\.\d+\.[\w-]+$/.test(token);
    if (!isBot && !/^\d+\.[\w-]+$/.test(token)) return { message: 'Invalid token' };
    const login = this.#logins.get(token);
    if (!login || login.revoked) return { message: isBot ? 'Invalid Bot' : 'Invalid/Revoked' };
    const now = this.#settings.clock.now();
    if (now >= login.expiresAt) return { message: 'Expired' };
    const identity = this.#identity(login);
    if (this.known(identity.userId).state === 'frozen') {
      return { message: 'Account is scheduled for deletion' };
    }
    if (login.expiresAt - now <= RENEWED_BELOW) login.expiresAt = now + LIFETIME;
    return { identity };
  }

  #identity({ accountId }: Login): Identity {
    return { userId: this.known(accountId).ownerId ?? accountId, accountId };
  }
}
