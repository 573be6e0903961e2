import { z } from 'zod';
import type { Directory } from '../../presence/directory.ts';

const KEY = 'appservice-transactions';
/** Homeservers repeat only the transaction that they have under way; the rest is for a database put back. */
const KEPT = 100;

const stored = z.array(z.string());

/** The last transactions that were carried out, by whatever node, over restarts. For one caller at a time. */
export class SeenTransactions {
  readonly #directory: Pick<Directory, 'meta' | 'commit'>;

  constructor(directory: Pick<Directory, 'meta' | 'commit'>) {
    this.#directory = directory;
  }

  /** Errors as in the store. */
  async has(key: string): Promise<boolean> {
    return (await this.#read()).includes(key);
  }

  /** Resolves once it is durable. Errors as in the store: then it has not been seen. */
  async add(key: string): Promise<void> {
    const keys = [...(await this.#read()), key].slice(-KEPT);
    await this.#directory.commit([{ row: 'meta', key: KEY, value: JSON.stringify(keys) }]);
  }

  async #read(): Promise<readonly string[]> {
    const text = await this.#directory.meta(KEY);
    return text === null ? [] : stored.parse(JSON.parse(text));
  }
}
