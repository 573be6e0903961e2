import { Client } from 'undici';
import { each } from './each.ts';
import type { Account } from './people.ts';
import { roundOf, TARGET } from './people.ts';
import type { Tally } from './tally.ts';

const AT_ONCE = 100;
/** Longer than the benchmark takes, ms. */
const TIMEOUT = 600_000;

/** Clients that poll, each on a connection of its own as devices have, and ask again as soon as they are answered. */
export class Waiters {
  readonly #clients: Client[] = [];
  readonly #tally: Tally;
  #closed = false;

  constructor(tally: Tally) {
    this.#tally = tally;
  }

  /** Starts `count` of them; resolves when each has had its first answer and waits for the next. */
  async open(url: string, observers: readonly Account[], count: number): Promise<void> {
    await each(count, AT_ONCE, async (i) => {
      const client = new Client(url, { headersTimeout: 0, bodyTimeout: 0 });
      this.#clients.push(client);
      const token = observers[i % observers.length]?.matrixToken ?? '';
      const since = await this.#ask(client, i, token, '/_matrix/client/v3/sync');
      void this.#follow(client, i, token, since);
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.#clients.map((client) => client.destroy()));
  }

  async #follow(client: Client, index: number, token: string, since: string): Promise<void> {
    try {
      for (let next = since; ;) {
        const path = `/_matrix/client/v3/sync?timeout=${TIMEOUT}&since=${next}`;
        next = await this.#ask(client, index, token, path);
      }
    } catch (error) {
      if (!this.#closed) this.#tally.fault(index, String(error));
    }
  }

  /** Counts what is told of the target; resolves with where to go on from. */
  async #ask(client: Client, index: number, token: string, path: string): Promise<string> {
    const headers = { authorization: `Bearer ${token}` };
    const reply = await client.request({ method: 'GET', path, headers });
    const body: any = await reply.body.json();
    if (reply.statusCode !== 200) throw new Error(`was answered ${reply.statusCode} ${JSON.stringify(body)}`);
    for (const { sender, content } of body.presence?.events ?? []) {
      if (sender === TARGET) this.#tally.had(index, roundOf(content.status_msg));
    }
    return body.next_batch;
  }
}
