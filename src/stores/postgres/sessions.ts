import type { Client } from 'pg';
import { StoreRefused } from '../refused.ts';
import { holdersOf, tryLock } from './locks.ts';
import type { Primary } from './primary.ts';

/** Which locks are taken at every primary, and what to tell the operator when somebody else has one. */
export interface Claim {
  readonly lock: number;
  readonly mode: 'alone' | 'shared';
  /** Told with the names of the holders. */
  readonly problem: string;
  readonly advice: string;
}

/**
 * One session to each primary, which holds locks there and does all that they are for: whoever loses a session can do
 * nothing there any more, and nobody else begins before all are lost.
 */
export class Sessions implements AsyncDisposable {
  readonly #clients = new Map<Primary, Client>();

  /** Throws `StoreRefused` when a lock is taken, and `store_unavailable` when a primary does not answer. */
  static async open(primaries: readonly Primary[], claims: readonly Claim[]): Promise<Sessions> {
    const sessions = new Sessions();
    try {
      for (const primary of primaries) {
        const client = await primary.connect();
        sessions.#clients.set(primary, client);
        for (const claim of claims) await take(client, primary, claim);
      }
      return sessions;
    } catch (error) {
      await sessions[Symbol.asyncDispose]();
      throw error;
    }
  }

  at(primary: Primary): Client {
    const client = this.#clients.get(primary);
    if (!client) throw new Error('a session was opened to every primary');
    return client;
  }

  /** Locks end with their sessions. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([...this.#clients.values()].map((client) => client.end()));
  }
}

async function take(client: Client, primary: Primary, { lock, mode, problem, advice }: Claim): Promise<void> {
  if (await tryLock(client, lock, mode)) return;
  const holders = await holdersOf(client, lock);
  throw new StoreRefused(primary.place, `${problem} (${holders.join(', ')})`, advice);
}
