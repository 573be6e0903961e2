import type { Clock } from '../../presence/clock.ts';
import type { Directory, HeldToken } from '../../presence/directory.ts';
import { BridgeError } from '../../presence/errors.ts';
import type { Address, NetworkName, Person, PersonId } from '../../presence/identity.ts';
import { ownAddress } from '../../presence/identity.ts';
import type { People } from '../../presence/people.ts';
import { Serial } from '../../presence/serial.ts';
import { faultKind, retryAfterOf } from './fault-kinds.ts';
import { nullIfGone } from './gone.ts';
import type { Log } from './log.ts';
import type { Sealing } from './sealing.ts';

/** Bot tokens act as their owner, so whom they speak for is not who gave them (contract §0.12). */
const BOT_TOKEN = 'bot.';
/** All that the server reads in the header (contract §1.5). */
const TOKEN = /^[A-Za-z0-9._-]{1,512}$/;

export interface HeldTokensOptions {
  readonly directory: Pick<Directory, 'heldTokens' | 'commit'>;
  readonly people: Pick<People, 'find' | 'get'>;
  readonly network: NetworkName;
  /** Null where no key is set: then no tokens are taken, and none can be read. */
  readonly sealing: Sealing | null;
  /** The account that a token acts as; throws as the client of the server does. */
  readonly identify: (token: string) => Promise<string>;
  readonly clock: Clock;
  readonly log: Log;
}

/** Told of whoever gave a token (`true`) or has none any more. Must not throw. */
export type HeldTokensListener = (person: PersonId, held: boolean) => void;

/** Tokens of the server that people gave, so that the bridge may write in their name. */
export class HeldTokens {
  readonly #options: HeldTokensOptions;
  readonly #turns = new Serial<string>();
  readonly #listeners = new Set<HeldTokensListener>();
  /** Accounts whose token cannot be read, which has been said. */
  readonly #unreadable = new Set<string>();

  constructor(options: HeldTokensOptions) {
    this.#options = options;
  }

  /**
   * Keeps the token of her own account in place of any before. Throws `bad_parameter` when it is not that, `overloaded`
   * when the server cannot be asked; errors as in the store.
   */
  async give(person: Person, token: string): Promise<void> {
    const { directory, network, sealing, clock } = this.#options;
    if (!sealing) throw new BridgeError('bad_parameter', 'This bridge has no key to keep tokens with');
    if (token.startsWith(BOT_TOKEN)) {
      const message = 'A bot token acts as the owner of the bot; give a token of your own account';
      throw new BridgeError('bad_parameter', message);
    }
    if (!TOKEN.test(token)) throw new BridgeError('bad_parameter', 'That is no token of the server');
    const account = ownAddress(person, network);
    if (!account) throw new BridgeError('bad_parameter', 'The person has no account there');
    if ((await this.#ownerOf(token)) !== account.id) {
      throw new BridgeError('bad_parameter', 'The token is of another account');
    }
    const address = { network, id: account.id };
    const value = { sealed: sealing.seal(token, account.id), givenAt: clock.now() };
    await this.#turns.run(account.id, () => directory.commit([{ row: 'held-token', address, value }]));
    this.#unreadable.delete(account.id);
    this.#tell(person.id, true);
  }

  /** Forgets her token, if there is one. Errors as in the store. */
  async revoke(person: PersonId): Promise<void> {
    const account = await this.#accountOf(person);
    if (account) await this.#turns.run(account.id, () => this.#forget(person, account));
  }

  /** Null when she gave none, or none that can be read. Errors as in the store. */
  async of(person: PersonId): Promise<string | null> {
    const account = await this.#accountOf(person);
    return account && this.#read(account);
  }

  /** Everybody whose token can be read. Errors as in the store. */
  async people(): Promise<PersonId[]> {
    const { directory, network, people } = this.#options;
    const holders: PersonId[] = [];
    for (const kept of await directory.heldTokens.all(network)) {
      const person = this.#open(kept) === null ? null : await people.find(kept.address);
      if (person) holders.push(person.id);
    }
    return holders;
  }

  /**
   * The server did not accept a token: it is forgotten if the server says so again, and if it is not replaced
   * meanwhile. Answers whether it is gone; errors as in the store.
   */
  async doubt(person: PersonId, token: string): Promise<boolean> {
    const dead = await this.#options.identify(token).then(
      () => false,
      (error: unknown) => faultKind(error) === 'unauthorized',
    );
    if (!dead) return false;
    const account = await this.#accountOf(person);
    if (!account) return false;
    return this.#turns.run(account.id, async () => {
      if ((await this.#read(account)) !== token) return false;
      await this.#forget(person, account);
      this.#options.log.warn(
        { person },
        'the server does not accept the token of a person any more; forgotten',
      );
      return true;
    });
  }

  /** Calls `listener` after each change, until the result is called. */
  subscribe(listener: HeldTokensListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #ownerOf(token: string): Promise<string> {
    try {
      return await this.#options.identify(token);
    } catch (error) {
      const kind = faultKind(error);
      if (kind === 'unauthorized' || kind === 'forbidden' || kind === 'refused') {
        throw new BridgeError('bad_parameter', 'The server does not accept the token');
      }
      if (kind === null) throw error;
      const retryAfterMs = retryAfterOf(error);
      const message = 'The server cannot be asked about the token now';
      throw new BridgeError('overloaded', message, retryAfterMs === null ? {} : { retryAfterMs });
    }
  }

  async #accountOf(person: PersonId): Promise<Address | null> {
    const { people, network } = this.#options;
    const known = await people.get(person).catch(nullIfGone);
    const account = known && ownAddress(known, network);
    return account ? { network, id: account.id } : null;
  }

  async #read(account: Address): Promise<string | null> {
    const kept = await this.#options.directory.heldTokens.of(account);
    return kept && this.#open(kept);
  }

  async #forget(person: PersonId, address: Address): Promise<void> {
    const { directory } = this.#options;
    if (!(await directory.heldTokens.of(address))) return;
    await directory.commit([{ row: 'held-token', address, value: null }]);
    this.#unreadable.delete(address.id);
    this.#tell(person, false);
  }

  #open({ address: { id }, sealed }: HeldToken): string | null {
    const { sealing, log } = this.#options;
    const token = sealing?.open(sealed, id) ?? null;
    if (token === null && !this.#unreadable.has(id)) {
      this.#unreadable.add(id);
      log.warn({ account: id }, 'a token that was given cannot be read: token_key is not what it was');
    }
    return token;
  }

  #tell(person: PersonId, held: boolean): void {
    for (const listener of this.#listeners) listener(person, held);
  }
}
