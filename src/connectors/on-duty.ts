import type { Cluster } from '../presence/cluster.ts';
import { BridgeError } from '../presence/errors.ts';
import type { Connector, ConnectorHealth } from './connector.ts';

/** When whoever was refused here should find the node that has the duty, ms. */
const RETRY_AFTER_MS = 1000;

/** A connector that is started only while it is this node's to run: one node at a time follows and feeds a real server. */
export class OnDuty implements AsyncDisposable {
  readonly #connector: Connector;
  readonly #cluster: Pick<Cluster, 'hold'>;
  #held: AsyncDisposable | null = null;
  #isHere = false;

  constructor(connector: Connector, cluster: Pick<Cluster, 'hold'>) {
    this.#connector = connector;
    this.#cluster = cluster;
  }

  /** Runs it from now on whenever the duty falls to this node. Called once. */
  begin(): void {
    const { name } = this.#connector.health();
    this.#held = this.#cluster.hold(`connector: ${name}`, () => {
      this.#isHere = true;
      this.#connector.start();
      return {
        [Symbol.asyncDispose]: async () => {
          this.#isHere = false;
          await this.#connector[Symbol.asyncDispose]();
        },
      };
    });
  }

  /** `elsewhere` while another node has the duty, or nobody yet. */
  health(): ConnectorHealth {
    const health = this.#connector.health();
    return this.#held && !this.#isHere ? { ...health, state: 'elsewhere' } : health;
  }

  /** Gives the duty back, once the connector has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#held?.[Symbol.asyncDispose]();
  }
}

/** For what only the node on duty can do: a load balancer is to ask the next. */
export function notHere(code: 'overloaded' | 'upstream_unavailable'): BridgeError {
  return new BridgeError(code, 'Another node does this', { retryAfterMs: RETRY_AFTER_MS });
}
