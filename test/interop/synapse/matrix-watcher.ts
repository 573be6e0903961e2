import { setTimeout as sleep } from 'node:timers/promises';
import type { Account, Synapse } from './synapse.ts';

const POLL_MS = 5_000;
const RETRY_MS = 200;

/** The content of an `m.presence` event. */
export interface Content {
  readonly presence: string;
  readonly status_msg?: string;
  readonly last_active_ago?: number;
  readonly currently_active?: boolean;
}

/** A client of Synapse that stays in `/sync`, says nothing of itself, and keeps all the presence that it is told. */
export class MatrixWatcher implements AsyncDisposable {
  readonly #synapse: () => Synapse;
  readonly #account: Account;
  readonly #events: { readonly sender: string; readonly content: Content }[] = [];
  #following = true;
  readonly #done: Promise<void>;

  /** `synapse` is asked for each poll, since it may be another after a restart. */
  constructor(synapse: () => Synapse, account: Account) {
    this.#synapse = synapse;
    this.#account = account;
    this.#done = this.#follow();
  }

  /** All that came of the user, oldest first. */
  of(userId: string): Content[] {
    return this.#events.filter(({ sender }) => sender === userId).map(({ content }) => content);
  }

  latest(userId: string): Content | undefined {
    return this.of(userId).at(-1);
  }

  /** What comes of the user from now on, whenever the result is called. */
  from(userId: string): () => Content[] {
    const { length } = this.of(userId);
    return () => this.of(userId).slice(length);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#following = false;
    await this.#done;
  }

  async #follow(): Promise<void> {
    let since: string | undefined;
    while (this.#following) {
      try {
        const body = await this.#synapse().sync(this.#account.token, since, POLL_MS);
        since = body.next_batch;
        this.#events.push(...(body.presence?.events ?? []));
      } catch {
        // It is stopped for a while.
        await sleep(RETRY_MS);
      }
    }
  }
}
