import { auditRows } from './audit.ts';
import type { Clock } from './clock.ts';
import type { DirectoryTurns } from './directory-turns.ts';
import type { Actor, Directory, DirectoryChange, DirectoryListener, TokenGrant } from './directory.ts';
import { BridgeError } from './errors.ts';
import type { NetworkName, PersonId } from './identity.ts';

/** Randomness and digests, injected. */
export interface Secrets {
  /** `bytes` random bytes as base64url. */
  random(bytes: number): string;
  /** SHA-256 of the text as base64url. */
  hash(text: string): string;
}

/** Who a live token speaks for. */
export interface Caller {
  readonly person: PersonId;
  readonly network: NetworkName;
  readonly deviceId: string;
}

export interface TokenVerifier {
  /**
   * The caller, or null when the token is not live; only tokens of `network` matter where it is given. Throws
   * `unknown_token` instead of null where a real server had words for it, `upstream_unavailable` when that cannot be
   * asked, and what the store throws: trouble is never a bad token.
   */
  verify(token: string, network?: NetworkName): Promise<Caller | null>;
}

export interface IssuedToken {
  /** The token itself; shown once, never stored. */
  readonly token: string;
  /** Names the token without giving it away: the first 16 characters of its hash. */
  readonly id: string;
  readonly deviceId: string;
}

export interface TokensOptions {
  readonly directory: Directory;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly turns: DirectoryTurns;
  readonly listener: Pick<DirectoryListener, 'tokensChanged'>;
}

/** The tokens that the bridge itself hands out. */
export class Tokens implements TokenVerifier {
  readonly #options: TokensOptions;

  constructor(options: TokensOptions) {
    this.#options = options;
  }

  /** `format` makes a network's token text of 32 random bytes in base64url; `by` whom, for the audit log. Throws `not_found`. */
  async issue(
    person: PersonId,
    network: NetworkName,
    format: (secret: string) => string,
    deviceId?: string,
    by?: Actor,
  ): Promise<IssuedToken> {
    const { directory, secrets, clock, turns } = this.#options;
    const token = format(secrets.random(32));
    const hash = secrets.hash(token);
    const device = deviceId ?? secrets.random(8);
    const value = { person, network, deviceId: device, createdAt: clock.now() };
    await turns.run(async (base) => {
      await this.#demandPerson(person);
      const details = { network, token_id: tokenId(hash), device_id: device };
      await directory.commit(
        [
          { row: 'token', hash, value },
          ...auditRows(this.#options, by, 'token.issue', { subjects: [person], details }),
        ],
        base,
      );
    });
    return { token, id: tokenId(hash), deviceId: device };
  }

  async verify(token: string): Promise<Caller | null> {
    const grant = await this.#options.directory.tokens.byHash(this.#options.secrets.hash(token));
    return grant && { person: grant.person, network: grant.network, deviceId: grant.deviceId };
  }

  async list(person: PersonId): Promise<(TokenGrant & { id: string })[]> {
    const grants = await this.#options.directory.tokens.of(person);
    return grants.map((grant) => ({ ...grant, id: tokenId(grant.hash) }));
  }

  /** Revokes one token of hers, named by its text or id, or all when `which` is absent. Throws `not_found`. */
  async revoke(person: PersonId, which?: string, by?: Actor): Promise<void> {
    const { directory, secrets, turns, listener } = this.#options;
    const hash = which === undefined ? undefined : secrets.hash(which);
    await turns.run(async (base) => {
      await this.#demandPerson(person);
      const grants = await directory.tokens.of(person);
      const chosen = grants.filter(
        (grant) => which === undefined || grant.hash === hash || tokenId(grant.hash) === which,
      );
      if (which !== undefined && chosen.length === 0) throw new BridgeError('not_found', 'No such token');
      await directory.commit(
        [
          ...chosen.map(({ hash }): DirectoryChange => ({ row: 'token', hash, value: null })),
          ...auditRows(this.#options, by, 'token.revoke', {
            subjects: [person],
            details: { token_ids: chosen.map((grant) => tokenId(grant.hash)).join(' ') },
          }),
        ],
        base,
      );
    });
    listener.tokensChanged();
  }

  /** She may have been removed or linked away since she was looked up. */
  async #demandPerson(person: PersonId): Promise<void> {
    if (!(await this.#options.directory.people.byId(person))) {
      throw new BridgeError('not_found', 'No such person');
    }
  }
}

function tokenId(hash: string): string {
  return hash.slice(0, 16);
}
