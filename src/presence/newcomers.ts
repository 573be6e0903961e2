import type { Address, Person, Profile, Visibility } from './identity.ts';
import { BridgeError } from './errors.ts';
import type { People } from './people.ts';

/** What a server knows of an account. */
export type AccountProfile = Pick<Profile, 'displayName' | 'avatarUrl'>;

export interface NewcomersOptions {
  readonly people: Pick<People, 'find' | 'create'>;
  /** Of people made here. */
  readonly visibility: Visibility;
}

/** Gives a person to accounts of which a real server told us. */
export class Newcomers {
  readonly #options: NewcomersOptions;
  readonly #coming = new Map<string, Promise<Person>>();

  constructor(options: NewcomersOptions) {
    this.#options = options;
  }

  /**
   * Who has the account; a new person, of the given profile, when nobody has. At once for any number of callers.
   * Throws `bad_parameter` for an id that is kept for stand-ins, and as the store does.
   */
  async find(account: Address, profile: () => AccountProfile | Promise<AccountProfile>): Promise<Person> {
    const known = await this.#options.people.find(account);
    if (known) return known;
    const key = JSON.stringify(account);
    const coming =
      this.#coming.get(key) ?? this.#create(account, profile).finally(() => this.#coming.delete(key));
    this.#coming.set(key, coming);
    return coming;
  }

  async #create(account: Address, profile: () => AccountProfile | Promise<AccountProfile>): Promise<Person> {
    const { people, visibility } = this.#options;
    const { displayName, avatarUrl } = await profile();
    try {
      return await people.create([account], { displayName, avatarUrl, visibility });
    } catch (error) {
      // Somebody else was quicker: an operator, or another node.
      const known =
        error instanceof BridgeError && error.code === 'conflict' ? await people.find(account) : null;
      if (known) return known;
      throw error;
    }
  }
}
